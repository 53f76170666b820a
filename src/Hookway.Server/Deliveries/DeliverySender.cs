using System.Collections.Frozen;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Hookway.Deliveries;

/// <summary>One HTTP request to a receiver, complete but for what frames it on the wire.</summary>
public sealed record DeliveryRequest(
    HttpMethod Method,
    Uri Url,
    IReadOnlyList<KeyValuePair<string, string>> Headers,
    ReadOnlyMemory<byte> Body);

/// <summary>Makes one attempt, as <see cref="DeliverySender.Send"/> does.</summary>
public delegate Task<AttemptResult> SendRequest(DeliveryRequest request, CancellationToken cancel);

/// <summary>
/// Sends requests to receivers that it does not trust. Whatever a receiver does becomes an <see cref="AttemptResult"/>;
/// redirects are not followed, and addresses that are not allowed are not connected to.
/// </summary>
public sealed class DeliverySender : IDisposable
{
    private const int HeaderKiB = 64;
    private const int LongestDetail = 300;

    // These frame the message or belong to one connection; a caller's value could contradict the body that is sent.
    private static readonly FrozenSet<string> OwnHeaders = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade");

    private readonly SenderOptions options;
    private readonly TimeProvider clock;
    private readonly GuardedConnector connector;
    private readonly HttpMessageInvoker http;

    public DeliverySender(AddressGuard guard, SenderOptions options, TimeProvider clock)
    {
        this.options = options;
        this.clock = clock;
        connector = new GuardedConnector(guard, options, clock);
        http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = connector.Connect,
            ConnectTimeout = options.Timeout,
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = options.Proxy is not null,
            Proxy = options.Proxy is { } proxy ? ProxyAt(proxy) : null,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            MaxResponseHeadersLength = HeaderKiB,
            MaxResponseDrainSize = 0,
            ResponseDrainTimeout = TimeSpan.Zero,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8,
            SslOptions =
            {
                // A certificate may name URLs from which to fetch its issuer: those requests would pass the guard by.
                CertificateChainPolicy = new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck },
            },
        });
    }

    /// <summary>Makes one attempt. Throws only <see cref="OperationCanceledException"/>, and only when the caller cancels.</summary>
    public async Task<AttemptResult> Send(DeliveryRequest request, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        using var message = Message(request, out var objection);
        if (objection is not null)
        {
            return Failed(AttemptOutcome.InvalidRequest, objection, started);
        }

        using var deadline = new CancellationTokenSource(options.Timeout, clock);
        using var link = cancel.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), deadline);
        try
        {
            if (options.Proxy is not null)
            {
                await connector.Check(AddressGuard.HostOf(request.Url)!, deadline.Token);
            }
            using var response = await http.SendAsync(message, deadline.Token);
            return await Answered(response, deadline, started);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            if (e is OperationCanceledException)
            {
                cancel.ThrowIfCancellationRequested();
            }

            var (outcome, detail) = Classify(e);
            return Failed(outcome, detail, started) with { WasNotMade = FailureOf(e) is { WasNotMade: true } };
        }
    }

    public void Dispose() => http.Dispose();

    private static WebProxy ProxyAt(Uri address)
    {
        var parts = address.UserInfo.Split(':', 2);
        return new WebProxy(new UriBuilder(address) { UserName = "", Password = "" }.Uri, BypassOnLocal: false)
        {
            Credentials = address.UserInfo.Length == 0 ? null : new NetworkCredential(Uri.UnescapeDataString(parts[0]), Uri.UnescapeDataString(parts.ElementAtOrDefault(1) ?? "")),
        };
    }

    private static HttpRequestMessage Message(DeliveryRequest request, out string? objection)
    {
        var message = new HttpRequestMessage(request.Method, request.Url)
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = request.Body.IsEmpty ? null : new ReadOnlyMemoryContent(request.Body),
        };
        objection = request.Url is not { IsAbsoluteUri: true, Scheme: "http" or "https" } ? "The URL is not an http or https URL."
            : AddressGuard.HostOf(request.Url) is null ? "The host of the URL is not a valid name."
            : null;
        foreach (var (name, value) in request.Headers)
        {
            if (!OwnHeaders.Contains(name) && !TryAdd(message, name, value))
            {
                objection ??= $"The header {ResponseReader.Clean(name)} cannot be sent.";
            }
        }

        return message;
    }

    private static bool TryAdd(HttpRequestMessage message, string name, string value) =>
        !value.AsSpan().ContainsAny('\r', '\n', '\0')
        && (message.Headers.TryAddWithoutValidation(name, value)
            || (message.Content ??= new ReadOnlyMemoryContent(default)).Headers.TryAddWithoutValidation(name, value));

    // From here on the status decides: neither a body that never ends nor a caller that gives up undoes what the receiver did.
    private async Task<AttemptResult> Answered(HttpResponseMessage response, CancellationTokenSource deadline, long started)
    {
        var left = options.Timeout - clock.GetElapsedTime(started);
        if (left > options.BodyTimeout)
        {
            deadline.CancelAfter(options.BodyTimeout);
        }

        var (body, remark) = await ResponseReader.Body(response, deadline.Token);
        return new AttemptResult(
            response.IsSuccessStatusCode ? AttemptOutcome.Succeeded : AttemptOutcome.HttpStatus,
            (int)response.StatusCode,
            ResponseReader.Headers(response),
            body,
            clock.GetElapsedTime(started),
            ResponseReader.RetryAfter(response, clock),
            ResponseReader.Directive(response),
            remark ?? Remark(response));
    }

    private static string? Remark(HttpResponseMessage response) => (int)response.StatusCode switch
    {
        >= 200 and < 300 => null,
        >= 300 and < 400 and var status => $"The receiver answered {status}; redirects are not followed.",
        var status => $"The receiver answered {status}.",
    };

    private AttemptResult Failed(AttemptOutcome outcome, string detail, long started) =>
        new(outcome, null, [], [], clock.GetElapsedTime(started), null, ResponseDirective.None, detail);

    private (AttemptOutcome Outcome, string Detail) Classify(Exception e)
    {
        if (FailureOf(e) is { } failure)
        {
            return (failure.Outcome, failure.Message);
        }

        var error = e switch
        {
            HttpRequestException request => request.HttpRequestError,
            HttpIOException io => io.HttpRequestError,
            _ => HttpRequestError.Unknown,
        };
        return (e, error) switch
        {
            (OperationCanceledException, _) => (AttemptOutcome.Timeout, $"No answer came within {options.Timeout.TotalSeconds:0.##} s."),
            (_, HttpRequestError.SecureConnectionError) => (AttemptOutcome.Tls, Particulars(e.InnerException ?? e)),
            (_, HttpRequestError.ConfigurationLimitExceeded) => (AttemptOutcome.InvalidResponse, $"The response headers are larger than {HeaderKiB} KiB."),
            (_, HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError or HttpRequestError.VersionNegotiationError) =>
                (AttemptOutcome.InvalidResponse, Particulars(e)),
            (_, HttpRequestError.ProxyTunnelError) => (AttemptOutcome.ConnectionFailed, "The server's own proxy did not open the way to the receiver."),
            (_, HttpRequestError.ResponseEnded) => (AttemptOutcome.ConnectionFailed, "The connection was closed before the status and headers were complete."),
            _ => (AttemptOutcome.ConnectionFailed, "The connection broke off before an answer came."),
        };
    }

    private static ConnectFailure? FailureOf(Exception e)
    {
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner is ConnectFailure failure)
            {
                return failure;
            }
        }

        return null;
    }

    // The framework's own words may quote the receiver at length.
    private static string Particulars(Exception e) =>
        ResponseReader.Clean(e.Message.Length <= LongestDetail ? e.Message : string.Concat(e.Message.AsSpan(0, LongestDetail - 1), "…"));
}
