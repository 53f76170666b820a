using Hookway.Ingest.Verification;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>The records of the vendors, one by one.</summary>
public class VendorCatalogTests
{
    /// <summary>The vendors that the product promises.</summary>
    private const string Promised = """
        stripe github shopify slack zoom standardwebhooks svix clerk resend openai replicate dodo-payments lithic creem gitlab-signed polar paddle square adyen-platform hubspot
        hubspot-v1 hubspot-v2 cloudinary line razorpay coinbase-commerce onfido gocardless modern-treasury getstream viber kontent-ai smartcar mux workos elevenlabs sanity authsignal
        retell buildkite calendly linear box easypost twitch creem-legacy meta-whatsapp meta metronome pusher lovable woocommerce lemonsqueezy doppler sentry bitbucket jira docusign
        dropbox heroku calcom fourthwall vercel intercom typeform asana notion pagerduty circleci clickup xero quickbooks zendesk trello telegram gitlab discord telnyx sendgrid kick
        twilio adyen-payments contentful mercadopago plivo dropbox-sign livekit messagebird vonage atlassian-connect netlify hygraph
        aws-sns paypal braintree mailgun postmark chargebee plaid microsoft-graph okta monday
        """;

    public static TheoryData<string> Keys => [.. VendorCatalog.All.Select(vendor => vendor.Key)];

    [Fact]
    public void Every_promised_vendor_is_there() =>
        Promised.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Except(VendorCatalog.All.Select(vendor => vendor.Key)).ShouldBeEmpty();

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_record_says_all_that_it_must(string key)
    {
        var vendor = VendorCatalog.Find(key)!;

        key.ShouldMatch("^[a-z0-9-]{2,40}$");
        vendor.Name.ShouldNotBeNullOrWhiteSpace();
        vendor.Setup.Count.ShouldBeGreaterThanOrEqualTo(2);
        vendor.Setup.ShouldAllBe(step => step.EndsWith('.') || step.Contains("heroku webhooks:add"));
        (vendor.SecretLabel is null).ShouldBe(vendor.Scheme.Algorithm is VerificationAlgorithm.None);
        if (key != VendorCatalog.Custom)
        {
            vendor.Documentation!.Scheme.ShouldBe("https");
            vendor.EventType.ShouldNotBeEmpty();
            vendor.EntityKey.ShouldNotBeEmpty();
        }
        vendor.Handshakes.ShouldAllBe(handshake => handshake.When.Keys.All(IsSource));
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_scheme_names_places_and_code_that_exist_and_judges_only_signed_times(string key)
    {
        var scheme = VendorCatalog.Find(key)!.Scheme;
        if (scheme.Algorithm is VerificationAlgorithm.None)
        {
            return;
        }
        Should.NotThrow(() => new Verifier(scheme, ["x"]));
        scheme.Signature.ShouldNotBeEmpty();
        scheme.Signature.Concat(scheme.Require.Keys).ShouldAllBe(place => IsSource(place));
        var isText = scheme.Algorithm is VerificationAlgorithm.Token or VerificationAlgorithm.Basic || scheme.Jwt is not null;
        (scheme.Content.Count > 0 || scheme.ContentCode is not null).ShouldBe(!isText, "what is signed is said just where something is signed");
        (scheme.ContentCode is null || SignedContents.Exists(scheme.ContentCode)).ShouldBeTrue();
        if (scheme.ToleranceSeconds is not null)
        {
            scheme.Timestamp.ShouldNotBeNull();
            (scheme.ContentCode is not null || scheme.Content.All(content => content.Uses("timestamp"))
                || (scheme.Timestamp.StartsWith("body:", StringComparison.Ordinal) && scheme.Content.All(content => content.Uses("body")))).ShouldBeTrue("its time is signed");
        }
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_rule_says_what_its_kind_needs(string key)
    {
        var rules = VendorCatalog.Find(key)!.Rules;

        rules.Select(rule => rule.Name).ShouldBeUnique();
        foreach (var rule in rules)
        {
            rule.Text.ShouldEndWith(".");
            var isExpect = rule.Kind is GapRuleKind.Expect;
            (rule.After.Count > 0 && rule.Until.Count > 0 && rule.WithinMinutes != 0).ShouldBe(isExpect);
            (rule.WithinMinutes >= 0 || rule.From is not null).ShouldBeTrue("what is due before a time names it");
            (rule.Sequence is not null).ShouldBe(rule.Kind is GapRuleKind.Sequence);
            (rule.Kind is not GapRuleKind.Share || (rule.After.Count > 0 && rule.Until.Count > 0)).ShouldBeTrue();
            rule.Where.Concat(rule.UntilWhere).ShouldAllBe(condition => IsSource(condition.At));
        }
    }

    [Fact]
    public void Coverage_is_said_as_it_is()
    {
        Coverage("stripe").ShouldBe(SignatureCoverage.Body);
        Coverage("twilio").ShouldBe(SignatureCoverage.Body);
        Coverage("netlify").ShouldBe(SignatureCoverage.Body);
        foreach (var partial in new[] { "mailgun", "mercadopago", "dropbox-sign", "adyen-payments", "atlassian-connect", "paypal", "aws-sns" })
        {
            Coverage(partial).ShouldBe(SignatureCoverage.Partial, partial);
        }
        foreach (var none in new[] { "gitlab", "telegram", "postmark", "monday", "figma", "microsoft-graph" })
        {
            Coverage(none).ShouldBe(SignatureCoverage.None, none);
        }
    }

    [Fact]
    public void A_vendor_is_unchecked_without_a_secret_and_fails_with_an_empty_one()
    {
        foreach (var vector in VendorVectors.Good.Where(vector => vector.Expected is SignatureStatus.Verified))
        {
            var unchecked_ = new Verifier(vector.Preset.Scheme, []).Verify(vector.Request, vector.Certificates);
            (unchecked_.Status, unchecked_.Reason, unchecked_.Coverage).ShouldBe((SignatureStatus.Unchecked, VerdictReasons.NoSecret, SignatureCoverage.None), vector.Vendor);

            foreach (var empty in new[] { "", " ", "\n" })
            {
                var verdict = new Verifier(vector.Preset.Scheme, [empty]).Verify(vector.Request, vector.Certificates);
                (verdict.Status, verdict.Reason).ShouldBe((SignatureStatus.Failed, VerdictReasons.SecretUnusable), vector.Vendor);
            }
        }
    }

    private static SignatureCoverage Coverage(string key)
    {
        var good = VendorVectors.Find(key);
        return good.Verify(good.Request).Coverage;
    }

    private static bool IsSource(string text) => ValueSource.TryParse(text, out _);
}
