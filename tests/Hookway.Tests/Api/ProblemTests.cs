using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Api;

public class ProblemTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Theory]
    [InlineData("GET", "/api/v1/apps/nope", 404, "not_found")]
    [InlineData("GET", "/api/v1/never", 404, "not_found")]
    [InlineData("GET", "/nowhere", 404, "not_found")]
    [InlineData("POST", "/never", 404, "not_found")]
    [InlineData("PUT", "/api/v1/apps", 405, "method_not_allowed")]
    [InlineData("DELETE", "/healthz", 405, "method_not_allowed")]
    [InlineData("GET", "/api/v1/apps?limit=0", 400, "invalid_request")]
    [InlineData("POST", "/api/v1/apps", 400, "invalid_json")]
    public async Task Every_error_has_the_same_form(string method, string path, int status, string code)
    {
        var answer = (await Server.Request(new HttpMethod(method), path, null)).ExpectCode(status, code);

        answer.ContentType.ShouldBe("application/problem+json");
        answer.Body.GetProperty("status").GetInt32().ShouldBe(status);
        foreach (var field in new[] { "type", "title", "detail" })
        {
            answer.Text(field).ShouldNotBeNullOrWhiteSpace();
        }
        Uri.TryCreate(answer.Text("type"), UriKind.RelativeOrAbsolute, out _).ShouldBeTrue();
        answer.Text("requestId").ShouldBe(answer.Headers.GetValues("Request-Id").ShouldHaveSingleItem());
    }

    [Fact]
    public async Task Errors_name_each_field_with_its_messages()
    {
        var answer = (await Server.Raw(HttpMethod.Post, "/api/v1/apps", """{"routingKeyHeader":"a b"}""")).Expect(400);
        answer.Body.GetProperty("errors").EnumerateObject().Select(field => field.Name).ShouldBe(["name", "routingKeyHeader"], ignoreOrder: true);
        answer.Body.GetProperty("errors").GetProperty("name").EnumerateArray().ShouldAllBe(message => message.ValueKind == JsonValueKind.String);
        (await Server.Get("/api/v1/apps/nope")).Body.TryGetProperty("errors", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Every_answer_carries_a_request_id_of_its_own()
    {
        var ids = new HashSet<string>();
        foreach (var path in new[] { "/api/v1/apps", "/api/v1/apps", "/healthz", "/readyz", "/docs", "/nope" })
        {
            ids.Add((await Server.Get(path)).Headers.GetValues("Request-Id").ShouldHaveSingleItem()).ShouldBeTrue();
        }
        (await Server.Request(HttpMethod.Get, "/healthz", null, null, ("Request-Id", "mine"))).Headers.GetValues("Request-Id").ShouldNotContain("mine");
    }

    [Fact]
    public async Task Health_needs_no_key()
    {
        (await Server.Get("/healthz", key: null)).Expect(200);
        (await Server.Get("/readyz", key: null)).Expect(200);
        (await Server.Get("/openapi/v1.json", key: null)).Expect(200);
        (await Server.Get("/openapi/v1.yaml", key: null)).Expect(200);
    }
}
