using System.Globalization;

namespace Hookway.Benchmarks.Lists;

/// <summary>A list, a search or a statistic that is asked for.</summary>
/// <param name="Path">Below <c>/api/v1/</c>.</param>
public sealed record ListQuery(string Name, string Path)
{
    /// <param name="app">With the history of <see cref="Volume"/>.</param>
    /// <param name="endpoints">Those of its recipients, the one with most messages first.</param>
    public static IReadOnlyList<ListQuery> All(string app, IReadOnlyList<string> endpoints, DateTimeOffset now)
    {
        string Time(double days) => Uri.EscapeDataString(now.AddDays(days).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        ListQuery Messages(string name, string query) => new($"messages: {name}", $"apps/{app}/messages?{query}");
        ListQuery Attempts(string name, string query) => new($"attempts of an endpoint with 3 in 10 of all: {name}", $"apps/{app}/endpoints/{endpoints[0]}/attempts?{query}");
        ListQuery Recipients(string name, string query) => new($"recipients: {name}", $"apps/{app}/recipients?{query}");
        ListQuery Stats(string name, string endpoint, string query) => new($"stats of {name}", $"apps/{app}/endpoints/{endpoint}/stats?{query}");
        ListQuery Explain(string name, string recipient, string query) => new($"explain {name}", $"apps/{app}/recipients/{recipient}/explain?{query}");
        return
        [
            Messages("newest", ""),
            Messages("of a recipient with 3 in 10 of all", "recipient=customer_0"),
            Messages("of any other recipient", "recipient=customer_14"),
            Messages("of a type that a third has", $"type={Volume.OtherType}"),
            Messages("of a type that 5 have", $"type={Volume.RareType}"),
            Messages("of a recipient and a type", $"recipient=customer_0&type={Volume.RareType}"),
            Messages("succeeded", "status=succeeded"),
            Messages("failed (1 in 1,000)", "status=failed"),
            Messages("canceled (1 in 2,000)", "status=canceled"),
            Messages("pending (1 in 10,000)", "status=pending"),
            Messages("skipped (1 in 100)", "status=skipped"),
            Messages("of a recipient, failed", "recipient=customer_14&status=failed"),
            Messages("of a type, failed", $"type={Volume.RareType}&status=failed"),
            Messages("since yesterday", $"since={Time(-1)}"),
            Messages("of one day three weeks ago", $"since={Time(-21)}&until={Time(-20)}"),
            Messages("of one day, of a type, failed", $"since={Time(-21)}&until={Time(-20)}&type={Volume.OtherType}&status=failed"),
            Messages("of one day, of a recipient", $"since={Time(-21)}&until={Time(-20)}&recipient=customer_14"),
            Messages("q is an id", $"q={Volume.MessageId(1234)}"),
            Messages("q begins a few ids", $"q={Volume.MessageId(1234)[..^2]}"),
            Messages("q begins all ids", "q=msg_"),
            Messages("q is a recipient", "q=customer_14"),
            Messages("q begins all recipients", "q=customer_"),
            Messages("q is a type that 5 have", $"q={Volume.RareType}"),
            Messages("q begins types, failed", "q=inv&status=failed"),
            Messages("q is nothing known", "q=nothing"),
            new("a message", $"apps/{app}/messages/{Volume.MessageId(1234)}"),
            new("attempts of a message", $"apps/{app}/messages/{Volume.MessageId(1234)}/attempts"),
            Attempts("newest", ""),
            Attempts("failed", "status=failed"),
            Attempts("succeeded", "status=succeeded"),
            Attempts("of one day", $"since={Time(-21)}&until={Time(-20)}"),
            Attempts("of one day, failed", $"since={Time(-21)}&until={Time(-20)}&status=failed"),
            new("attempts of any other endpoint", $"apps/{app}/endpoints/{endpoints[14]}/attempts"),
            new("endpoints", $"apps/{app}/endpoints"),
            new("endpoints that are disabled", $"apps/{app}/endpoints?enabled=false"),
            new("endpoints of a recipient", $"apps/{app}/endpoints?recipient=customer_14"),
            Recipients("newest", ""),
            Recipients("q begins all ids", "q=tenant-"),
            Recipients("q is an id", "q=tenant-10000777"),
            Recipients("q begins all names", "q=company"),
            Recipients("q is a name that one has", "q=zebra"),
            new("event types", $"apps/{app}/event-types"),
            new("replays", "replays"),
            new("replays that run", "replays?status=running"),
            new("replays of an endpoint", $"replays?kind=endpoint&appId={app}&endpointId={endpoints[0]}"),
            new("replays of one day three weeks ago", $"replays?since={Time(-21)}&until={Time(-20)}"),
            Stats("an endpoint with 3 in 10 of all: a day", endpoints[0], ""),
            Stats("an endpoint with 3 in 10 of all: 30 days", endpoints[0], $"since={Time(-30)}"),
            Stats("any other endpoint: 30 days", endpoints[14], $"since={Time(-30)}"),
            Explain("a recipient with 3 in 10 of all", "customer_0", ""),
            Explain("a recipient with 3 in 10 of all: a type that 5 have", "customer_0", $"type={Volume.RareType}"),
            Explain("a recipient with 3 in 10 of all: a month", "customer_0", $"since={Time(-30)}"),
            Explain("any other recipient: a type, a month", "customer_14", $"type={Volume.OtherType}&since={Time(-30)}"),
            Explain("any other recipient: a message", "customer_14", $"messageId={Volume.MessageId(1234)}"),
            Explain("an unknown recipient", "nobody", ""),
        ];
    }

    /// <summary>Pages of the dashboard: their names, and where they are below the workspace.</summary>
    /// <param name="source">With the events of <see cref="Volume"/>.</param>
    /// <param name="destination">To which some of them went.</param>
    public static IReadOnlyList<(string Name, string Path)> Pages(string app, string endpoint, string source, string destination) =>
    [
        ("page: overview", ""), ("page: messages", $"/apps/{app}/messages"), ("page: messages that failed", $"/apps/{app}/messages?status=failed"),
        ("page: messages, q begins all ids", $"/apps/{app}/messages?q=msg_"), ("page: message", $"/apps/{app}/messages/{Volume.MessageId(1234)}"), ("page: recipients", $"/apps/{app}/recipients"),
        ("page: recipient with 3 in 10 of all", $"/apps/{app}/recipients/customer_0"), ("page: endpoints", $"/apps/{app}/endpoints"),
        ("page: endpoint with 3 in 10 of all, 30 days", $"/apps/{app}/endpoints/{endpoint}?window=30d"), ("page: apps", "/apps"), ("page: event types", $"/apps/{app}/event-types"),
        ("page: explain a recipient with 3 in 10 of all", $"/apps/{app}/explain?recipient=customer_0&type={Volume.OtherType}"), ("page: refused sends", $"/apps/{app}/refused"),
        ("page: replays", "/replays"), ("page: sources", "/ingest/sources"),
        ("page: source with 9 in 10 of all", $"/ingest/sources/{source}"), ("page: refused requests", $"/ingest/sources/{source}/refused"), ("page: new destination", $"/ingest/sources/{source}/destinations/new"),
        ("page: destination with 1 in 5 of all", $"/ingest/destinations/{destination}"), ("page: destination, attempts that failed", $"/ingest/destinations/{destination}?status=failed"),
        ("page: destination's settings", $"/ingest/destinations/{destination}/settings"), ("page: ledger", "/ingest/events"), ("page: ledger, signature failed", "/ingest/events?signatureStatus=failed"),
        ("page: ledger, q begins all ids", "/ingest/events?q=evt_"), ("page: event", $"/ingest/events/{Volume.EventId(1234)}"), ("page: issues", "/issues"), ("page: issues that are open", "/issues?status=open"), ("page: issue seen at 20 events", $"/issues/{Volume.IssueId}"), ("page: API keys", "/settings/keys"),
        ("page: members", "/settings/members"), ("page: limits and use", "/settings/workspace"), ("page: audit log", "/settings/audit"),
    ];

    /// <summary>Pages of the portal of the recipient with three in ten of all messages: their names, and where they are below its link.</summary>
    public static IReadOnlyList<(string Name, string Path)> PortalPages(string endpoint) =>
    [
        ("portal: endpoints", "/endpoints"), ("portal: endpoint with 3 in 10 of all", $"/endpoints/{endpoint}"), ("portal: endpoint, 30 days, attempts that failed", $"/endpoints/{endpoint}?window=30d&status=failed"),
        ("portal: messages", "/messages"), ("portal: messages that failed", "/messages?status=failed"), ("portal: messages of a type that 5 have", $"/messages?type={Volume.RareType}"),
        ("portal: message", $"/messages/{Volume.MessageId(1231)}"), ("portal: new endpoint", "/endpoints/new"), ("portal: secret", $"/endpoints/{endpoint}/secret"), ("portal: catalog", "/catalog"),
    ];
}
