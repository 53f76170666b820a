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

    /// <summary>The schema that the OpenAPI Initiative publishes, as it comes with a validator that knows nothing of Hookway, and what each fault would look like to it.</summary>
    [Fact]
    public async Task The_document_is_valid_by_the_official_schema_of_OpenAPI_3_1_and_its_examples_fit_their_schemas()
    {
        var document = await Document();
        document["openapi"]!.GetValue<string>().ShouldStartWith("3.1.");
        Action<JsonNode>[] faults =
        [
            broken => broken["info"]!.AsObject().Remove("version"),
            broken => broken["components"]!["schemas"]!["Problem"]!["type"] = "objekt",
            broken => broken["paths"]!["/api/v1/apps/{appId}"]!["get"]!["parameters"]![0]!.AsObject().Remove("required"),
            broken => broken["paths"]!["/api/v1/apps"]!["post"]!["responses"]!["201"]!.AsObject().Remove("description"),
            broken => broken["paths"]!["/api/v1/apps"]!["post"]!["requestBody"]!["content"]!["application/json"]!["example"]!["name"] = 1,
            broken => broken["paths"]!["/api/v1/apps"]!["get"]!["responses"]!["200"]!["content"]!["application/json"]!["example"]!["data"]![0]!.AsObject().Remove("appId"),
        ];
        var documents = faults.Select(fault =>
        {
            var broken = document.DeepClone();
            fault(broken);
            return broken;
        }).Prepend(document);

        var output = await Npm.Run(
            Path.Combine(Repository.Tests, "Hosting", "npm"), "check.mjs", string.Join('\n', documents.Select(each => each.ToJsonString())));

        var found = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<string[]>(line)!).ToList();
        found[0].ShouldBeEmpty();
        found.Skip(1).Select(list => list.Length > 0).ShouldBe(faults.Select(_ => true));
    }

    [Fact]
    public async Task Every_operation_has_a_summary_an_id_its_parameters_and_an_example_for_each_body()
    {
        foreach (var (path, operations) in (await Document())["paths"]!.AsObject())
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                var name = $"{method} {path}";
                var parameters = operation!["parameters"]?.AsArray().Select(parameter => parameter!.AsObject()).ToList() ?? [];
                parameters.Where(parameter => parameter["in"]!.GetValue<string>() == "path").Select(parameter => parameter["name"]!.GetValue<string>())
                    .ShouldBe(PathParameter().Matches(path).Select(match => match.Groups[1].Value), ignoreOrder: true, name);
                parameters.Where(parameter => parameter["in"]!.GetValue<string>() == "query").ShouldAllBe(parameter => parameter.ContainsKey("description"), name);
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

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex PathParameter();

    [GeneratedRegex("<script[^>]* src=\"([^\"]+)\"")]
    private static partial Regex Scripts();
}
