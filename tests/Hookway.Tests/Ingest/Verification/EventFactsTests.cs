using System.Globalization;
using System.Text;
using Hookway.Ingest.Verification;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>What is read from requests: the vendor's id, type, entity and time.</summary>
public class EventFactsTests
{
    /// <summary>vendor | id | types | entities | time, of the good request of <c>vendors.jsonl</c>; that of <c>more-vendors.jsonl</c> says it itself.</summary>
    private const string Table = """
        stripe | evt_fake_1 | invoice.paid | in_fake_1 | 2023-11-14T22:13:21Z
        github | 0be3db7c-48b5-49c9-8271-e42058444bf8 | ping | Octocoders/Hello-World |
        shopify | a31b4c48-c961-40c0-8657-f2e20aaecd2d | orders/create | 820982911946154508 | 2026-11-22T22:00:05Z
        slack | Ev0FAKE1 | message | C1:1700000001.000100 | 2023-11-14T22:13:21Z
        twilio | 4405a520-5053-427e-88c6-1f6cb785bba4 | message.delivered | SMfake0001 |
        sendgrid | ZHJvcC0fake | dropped | LRzXl_NHStOGhQ4kofSm_A.filterdrecv | 2020-09-14T19:41:32Z
        standardwebhooks | msg_fake_p5jXN8AQM9LWM0D4loKWxJek | invoice.paid | 1f81eb52-5198-4599-803e-771906343485 | 2022-11-03T20:26:10.344Z
        svix | msg_fake_svix1 | invoice.paid | 1f81eb52-5198-4599-803e-771906343485 | 2022-11-03T20:26:10.344Z
        clerk | msg_fake_clerk1 | user.created | user_fake1 | 2022-05-31T15:56:31.835Z
        resend | msg_fake_resend1 | email.delivered | 56761188-7520-42d8-8898-ff6fc54ce618 | 2024-02-22T23:41:12.126Z
        replicate | msg_fake_replicate | prediction.succeeded | ufawqhfynnddngldkgtslldrkq | 2022-04-26T22:13:06.224Z
        adyen-payments | 7914073381342284:AUTHORISATION:true | AUTHORISATION | 7914073381342284 | 2019-05-06T15:15:34.121Z
        adyen-platform | balancePlatform.accountHolder.created:BA00000000000000000000001:2024-12-15T15:42:03+01:00 | balancePlatform.accountHolder.created | BA00000000000000000000001 | 2024-12-15T14:42:03Z
        hubspot-v1 | 12345:1:123:1564113600000 | contact.creation | 123 | 2019-07-26T04:00:00Z
        hubspot-v2 | 12345:1:123:1564113600000 | contact.creation | 123 | 2019-07-26T04:00:00Z
        line | 01FZ74A0TDDPYRVKNK77XKC3ZR | message |  | 2016-05-07T13:57:59.859Z
        modern-treasury |  | payment_order.created | fake-po-1 |
        getstream | wh_fake | message.new | messaging:1 |
        kontent-ai |  | published | 1 |
        retell | Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6:call_ended | call_ended | Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6 |
        discord | 1234560123453231555:APPLICATION_AUTHORIZED:2024-10-18T14:42:53.064834 | APPLICATION_AUTHORIZED | 1234560123453231555 | 2024-10-18T14:42:53.064Z
        contentful | ContentManagement.Entry.publish:fake1:3 | ContentManagement.Entry.publish | fake1 | 2024-01-01T00:00:00Z
        zoom | meeting.started:4444AAAiAAAAAiAiAiiAii==:1626230691572 | meeting.started | 1234567890 | 2021-07-14T02:44:51.572Z
        polar | msg_fake_sw2 | order.paid | ord_fake1 | 2024-01-01T00:00:00Z
        dodo-payments | msg_fake_sw2 | payment.succeeded | pay_fake1 | 2024-01-01T00:00:00Z
        creem | msg_fake_sw2 | checkout.completed | ch_fake1 | 2024-10-12T11:58:45.927Z
        creem-legacy | evt_fake1 | checkout.completed |  | 2024-10-12T11:58:45.927Z
        mercadopago | 987654 | payment.created | 123456 | 2021-11-01T02:02:02Z
        cloudinary |  | upload | fake1 | 2026-11-22T22:00:05Z
        plivo | fake-1:delivered | message.delivered | fake-1 |
        dropbox-sign | 420f47a8531839dcf71f22a37456e4b68dcf03cb4592a67f61e0456f7276e75f:fake-sr-1 | signature_request_sent | fake-sr-1 | 2026-11-22T22:00:05Z
        lovable |  | x |  | 2026-11-22T22:00:05Z
        livekit | EV_fake1 | room_started | RM_fake | 2023-11-14T22:13:21Z
        messagebird |  | message.delivered | fake |
        vonage | fake-1:delivered | message.delivered | fake-1 | 2024-01-01T00:00:00Z
        atlassian-connect | fake-id-1 | jira:issue_updated | 10002 | 2023-11-14T22:13:21Z
        lemonsqueezy |  | order_created | 1 |
        doppler |  | config.secrets.update | prd |
        sentry | cc3f1766-6a5e-4afb-8324-df230d542b54 | issue.created | 1170820242 | 2026-11-22T22:00:05Z
        meta | 123:1700000001:feed | page.feed | 123 | 2023-11-14T22:13:21Z
        dropbox |  | list_folder.changed | dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc |
        fourthwall | weve_fake1 | ORDER_PLACED |  |
        vercel | uev_fake1 | deployment.created | dpl_fake1 | 2023-11-14T22:13:21Z
        gitlab | f5134192-ebc1-4065-87fd-a2a192a2f6c1 | push | 15 |
        netlify | fake1:ready |  | fake1 |
        hygraph |  | publish | fake1 |
        intercom | notif_fake1 | conversation.user.created | 1 | 2023-11-14T22:13:21Z
        asana |  | task.changed | 1337 | 2018-08-21T18:20:37.972Z
        notion | 367cba44-b6f3-4c92-81e7-6a2e9659efd4 | page.created | 153104cd | 2024-12-05T23:55:34.285Z
        clickup | 7fa3ec74:2800763136717140857 | taskUpdated | 1vj37mc | 2022-01-21T03:10:31.523Z
        quickbooks |  | Customer.Create | 1 | 2015-10-05T21:42:19Z
        telegram | 10000 | message | 1111111 | 2015-09-07T17:05:32Z
        buildkite |  | build.finished | fake1 |
        calendly | invitee.created:https://api.calendly.com/scheduled_events/A/invitees/B:2020-11-23T17:51:19.000000Z | invitee.created | https://api.calendly.com/scheduled_events/A/invitees/B | 2020-11-23T17:51:19Z
        trello | 51f9424bcd6e040f3c002412 | updateCard | 4d5ea62fd76aa1136000000c | 2013-07-31T16:58:51.949Z
        gitlab-signed | fake-gl-1 | push | 15 |
        """;

    public static TheoryData<string> Rows => [.. Table.Split('\n', StringSplitOptions.TrimEntries)];

    public static TheoryData<VendorVector> WithFacts => [.. VendorVectors.All.Where(vector => vector.Facts is not null)];

    [Theory]
    [MemberData(nameof(WithFacts))]
    public void Id_type_entity_and_time_are_read(VendorVector vector)
    {
        var facts = EventFacts.Of(vector.Preset, vector.Request);

        facts.VendorEventId.ShouldBe(vector.Facts!.Id);
        facts.Types.ShouldBe(VendorFacts.Texts(vector.Facts.Type));
        facts.EntityKeys.ShouldBe(VendorFacts.Texts(vector.Facts.Entity));
        facts.OccurredAt.ShouldBe(vector.Facts.Time);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Id_type_entity_and_time_are_read_from_the_vendors_own_examples(string row)
    {
        var cells = row.Split('|', StringSplitOptions.TrimEntries);
        var vector = VendorVectors.Find(cells[0]);

        var facts = EventFacts.Of(vector.Preset, vector.Request);

        (facts.VendorEventId ?? "").ShouldBe(cells[1]);
        string.Join(',', facts.Types).ShouldBe(cells[2]);
        string.Join(',', facts.EntityKeys).ShouldBe(cells[3]);
        facts.OccurredAt.ShouldBe(cells[4].Length == 0 ? null : DateTimeOffset.Parse(cells[4], CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Every_vendor_has_a_row() =>
        VendorCatalog.All.Select(vendor => vendor.Key).Except([VendorCatalog.Custom])
            .Except(VendorVectors.All.Where(vector => vector.Facts is not null).Select(vector => vector.Vendor))
            .Except(Rows.Select(row => row.Data.Split('|')[0].Trim())).ShouldBeEmpty();

    [Fact]
    public void An_event_without_an_id_is_known_by_its_type_and_bytes()
    {
        var vector = VendorVectors.Find("lemonsqueezy");
        var key = EventFacts.Of(vector.Preset, vector.Request).DuplicateKey!;

        key.ShouldStartWith("content:");
        EventFacts.Of(vector.Preset, vector.With(at: new DateTimeOffset(vector.Request.ReceivedAt.UtcDateTime.Date, TimeSpan.Zero))).DuplicateKey.ShouldBe(key, "when on the day it came does not matter");
        EventFacts.Of(vector.Preset, vector.With(at: vector.Request.ReceivedAt.AddDays(1))).DuplicateKey.ShouldNotBe(key);
        EventFacts.Of(vector.Preset, vector.With(body: [.. vector.Request.Body.ToArray(), (byte)' '])).DuplicateKey.ShouldNotBe(key);
        EventFacts.Of(vector.Preset, vector.With([new("X-Event-Name", "order_refunded")])).DuplicateKey.ShouldNotBe(key);
    }

    [Fact]
    public void Ids_too_long_to_keep_still_differ()
    {
        var ids = new[] { "a", "b" }.Select(end => Read($$"""{"id":"{{new string('x', 5000)}}{{end}}"}""").VendorEventId!).ToList();

        ids.ShouldAllBe(id => id.Length <= EventFacts.MostCharacters);
        ids.Distinct().Count().ShouldBe(2);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"id\":null,\"type\":{},\"created\":\"soon\"}")]
    [InlineData("{\"id\":\"\\ud800\",\"\\ud800\":1,\"created\":1e400}")]
    [InlineData("{\"id\":[1],\"created\":99999999999999999999999999}")]
    public void What_cannot_be_read_is_nothing(string body)
    {
        var facts = Read(body);

        (facts.VendorEventId, facts.Type, facts.EntityKey, facts.OccurredAt).ShouldBe((null, null, null, null));
    }

    [Fact]
    public void Nesting_without_end_is_nothing_either() => Read(new string('[', 100_000)).VendorEventId.ShouldBeNull();

    [Theory]
    [InlineData("1700000000", "2023-11-14T22:13:20Z")]
    [InlineData("1700000000.25", "2023-11-14T22:13:20.250Z")]
    [InlineData("1700000000123", "2023-11-14T22:13:20.123Z")]
    [InlineData("1700000000123456", "2023-11-14T22:13:20.123Z")]
    [InlineData("1700000000123456789", "2023-11-14T22:13:20.123Z")]
    [InlineData("2023-11-14T22:13:20.123456789Z", "2023-11-14T22:13:20.123Z")]
    [InlineData("2023-11-14T22:13:20+02:00", "2023-11-14T20:13:20Z")]
    [InlineData("2023-11-14T22:13:20+0200", "2023-11-14T20:13:20Z")]
    [InlineData("2023-11-14 22:13:20", "2023-11-14T22:13:20Z")]
    [InlineData("Tue, 14 Nov 2023 22:13:20 GMT", "2023-11-14T22:13:20Z")]
    [InlineData("0", null)]
    [InlineData("14/11/2023", null)]
    [InlineData("yesterday", null)]
    public void Times_are_read_as_vendors_write_them(string text, string? expected) =>
        Read($$"""{"created":"{{text}}"}""").OccurredAt.ShouldBe(expected is null ? null : DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture));

    private static EventFacts Read(string body) => EventFacts.Of(
        VendorCatalog.Find("stripe")!, new VendorRequest("POST", "https://gateway.example.test/in", [], Encoding.UTF8.GetBytes(body), DateTimeOffset.UnixEpoch));
}
