using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Tests.Support;

namespace Hookway.Tests.Hosting;

/// <summary>The OpenAPI document says what the routes are, with an example for every body, and docs/reference/openapi.json is what the server serves.</summary>
public sealed partial class OpenApiDocumentTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private readonly TestServer _server = fixture.Server;

    [Fact]
    public async Task The_reference_in_the_repository_is_the_document_served()
    {
        var served = (await Document()).ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";
        var file = Path.Combine(Repository.Root, "docs", "reference", "openapi.json");
        if (Environment.GetEnvironmentVariable("HOOKWAY_UPDATE_DOCS") == "1")
        {
            await File.WriteAllTextAsync(file, served, TestContext.Current.CancellationToken);
        }
        (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).ShouldBe(served, "run the tests with HOOKWAY_UPDATE_DOCS=1 and read the difference");
    }

    [Fact]
    public async Task The_document_is_what_the_schema_of_OpenAPI_3_1_asks_for()
    {
        var document = await Document();
        var broken = document.DeepClone();
        broken["paths"]!.AsObject().First().Value!.AsObject().First().Value!["responses"]!.AsObject().First().Value!.AsObject().Remove("description");

        // The package brings the schemas that the OpenAPI Initiative publishes.
        var verdicts = (await Npm.Run(Path.Combine(Repository.Tests, "Hosting", "npm"), "validate.mjs", $"{document.ToJsonString()}\n{broken.ToJsonString()}\n"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToList();

        verdicts[0]["valid"]!.GetValue<bool>().ShouldBeTrue(verdicts[0].ToJsonString());
        verdicts[0]["version"]!.GetValue<string>().ShouldBe("3.1");
        verdicts[1]["valid"]!.GetValue<bool>().ShouldBeFalse("a response without a description was accepted");
    }

    [Fact]
    public async Task Every_route_that_asks_for_a_scope_is_in_the_document_and_names_it()
    {
        var paths = (await Document())["paths"]!.AsObject();
        var routes = _server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(route => route.Metadata.GetMetadata<RequiredScope>() is not null).ToList();
        routes.Count.ShouldBeGreaterThan(25);
        foreach (var route in routes)
        {
            var path = "/" + route.RoutePattern.RawText!.Trim('/');
            var method = route.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Single();
            var operation = paths[path]?[method.ToLowerInvariant()].ShouldNotBeNull($"{method} {path}");
            operation!["description"]!.GetValue<string>().ShouldContain($"`{route.Metadata.GetMetadata<RequiredScope>()!.Scope}`");
        }
        paths.Sum(path => path.Value!.AsObject().Count).ShouldBe(routes.Count);
    }

    [Fact]
    public async Task Every_operation_has_a_summary_an_id_and_an_example_for_each_body()
    {
        foreach (var (path, operations) in (await Document())["paths"]!.AsObject())
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                var name = $"{method} {path}";
                operation!["summary"].ShouldNotBeNull(name);
                operation["operationId"].ShouldNotBeNull(name);
                operation["security"].ShouldNotBeNull(name);
                if (operation["requestBody"] is { } body)
                {
                    body["content"]!["application/json"]!["example"].ShouldNotBeNull($"{name} request");
                }
                foreach (var (status, response) in operation["responses"]!.AsObject())
                {
                    if (response!["content"]!["application/octet-stream"] is not null)
                    {
                        // Bytes as they came: there is no example of those.
                        continue;
                    }
                    var media = status.StartsWith('2') ? "application/json" : "application/problem+json";
                    response!["content"]![media]!["example"].ShouldNotBeNull($"{name} {status}");
                }
            }
        }
    }

    [Fact]
    public async Task The_document_is_served_as_YAML_too()
    {
        var answer = (await _server.Get("/openapi/v1.yaml", key: null)).Expect(200);
        System.Text.Encoding.UTF8.GetString(answer.Bytes).ShouldStartWith("openapi: '3.1");
    }

    [Fact]
    public async Task The_reference_page_and_its_scripts_come_from_this_server_and_may_call_no_other()
    {
        var page = (await _server.Get("/docs/", key: null)).Expect(200);
        page.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("default-src 'none'");
        var html = System.Text.Encoding.UTF8.GetString(page.Bytes);
        html.ShouldNotContain("://");
        var scripts = Scripts().Matches(html).Select(match => match.Groups[1].Value).ToList();
        scripts.ShouldNotBeEmpty();
        foreach (var script in scripts)
        {
            (await _server.Get($"/docs/{script}", key: null)).Expect(200);
        }
    }

    private async Task<JsonNode> Document() => JsonNode.Parse((await _server.Get("/openapi/v1.json", key: null)).Expect(200).Bytes)!;

    [GeneratedRegex("<script[^>]* src=\"([^\"]+)\"")]
    private static partial Regex Scripts();
}
