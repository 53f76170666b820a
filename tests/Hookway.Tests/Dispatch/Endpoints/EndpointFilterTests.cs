using System.Text.Json;
using Hookway.Api;
using Hookway.Dispatch.Endpoints;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Endpoints;

public class EndpointFilterTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    [Theory]
    [InlineData("""[{"bodyPath":"a","equals":"1"}]""", """{"a":"1"}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":"1"}]""", """{"a":1}""", false)]
    [InlineData("""[{"bodyPath":"a","equals":1}]""", """{"a":1.0}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":1}]""", """{"a":1e0}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":1}]""", """{"a":true}""", false)]
    [InlineData("""[{"bodyPath":"a","equals":0.1}]""", """{"a":0.10000000000000001}""", false)]
    [InlineData("""[{"bodyPath":"a","equals":12345678901234567890123}]""", """{"a":12345678901234567890123}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":1e400}]""", """{"a":1e400}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":true}]""", """{"a":true}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":false}]""", """{"a":true}""", false)]
    [InlineData("""[{"bodyPath":"a","equals":null}]""", """{"a":null}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":null}]""", """{}""", false)]
    [InlineData("""[{"bodyPath":"a","equals":"é"}]""", """{"a":"\u00e9"}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":"A"}]""", """{"a":"a"}""", false)]
    [InlineData("""[{"bodyPath":"a.b","equals":1}]""", """{"a":{"b":1}}""", true)]
    [InlineData("""[{"bodyPath":"a.b","equals":1}]""", """{"a.b":1}""", false)]
    [InlineData("""[{"bodyPath":"a[1].b","equals":1}]""", """{"a":[{},{"b":1}]}""", true)]
    [InlineData("""[{"bodyPath":"a[2]","exists":true}]""", """{"a":[1,2]}""", false)]
    [InlineData("""[{"bodyPath":"a","in":[1,"x"]}]""", """{"a":"x"}""", true)]
    [InlineData("""[{"bodyPath":"a","in":[1,"x"]}]""", """{"a":"1"}""", false)]
    [InlineData("""[{"bodyPath":"a","exists":true}]""", """{"a":null}""", true)]
    [InlineData("""[{"bodyPath":"a","exists":false}]""", """{"a":null}""", false)]
    [InlineData("""[{"bodyPath":"a","exists":false}]""", """{}""", true)]
    [InlineData("""[{"bodyPath":"a","exists":false}]""", """[1]""", true)]
    [InlineData("""[{"bodyPath":"a","equals":1}]""", """5""", false)]
    [InlineData("""[{"bodyPath":"a","equals":1},{"bodyPath":"b","equals":2}]""", """{"a":1,"b":2}""", true)]
    [InlineData("""[{"bodyPath":"a","equals":1},{"bodyPath":"b","equals":2}]""", """{"a":1}""", false)]
    public void Conditions_compare_json_with_its_types(string filter, string data, bool matches)
    {
        var errors = new FieldErrors();
        var read = EndpointFilter.From(JsonSerializer.Deserialize<FilterCondition[]>(filter, ApiJson.Options), errors);

        errors.Any.ShouldBeFalse();
        read!.Matches(JsonElement.Parse(data)).ShouldBe(matches);
    }

    [Theory]
    [InlineData("""[{"equals":1}]""", "filter[0].bodyPath")]
    [InlineData("""[{"bodyPath":"a"}]""", "filter[0]")]
    [InlineData("""[{"bodyPath":"a","equals":1,"exists":true}]""", "filter[0]")]
    [InlineData("""[{"bodyPath":"a","equals":{}}]""", "filter[0]")]
    [InlineData("""[{"bodyPath":"a","exists":true},{"bodyPath":"a","in":[[]]}]""", "filter[1]")]
    [InlineData("""[{"bodyPath":"a","in":[]}]""", "filter[0]")]
    [InlineData("""[null]""", "filter[0].bodyPath")]
    [InlineData("""[{"bodyPath":"a..b","exists":true}]""", "filter[0].bodyPath")]
    [InlineData("""[{"bodyPath":"a","exists":"yes"}]""", "filter[0].exists")]
    [InlineData("""[{"bodyPath":"a","contains":1}]""", "filter[0].contains")]
    [InlineData("""{"bodyPath":"a","exists":true}""", "filter")]
    public async Task What_is_wrong_with_a_filter_is_named(string filter, string field)
    {
        var app = await fixture.Server.CreateApp();
        (await fixture.Server.Raw(
            HttpMethod.Post, $"/api/v1/apps/{app}/endpoints", $$"""{"recipient":"a","url":"{{fixture.Receiver.Url}}","filter":{{filter}}}""")).ExpectInvalid(field);
        (await fixture.Server.Get($"/api/v1/apps/{app}/endpoints")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_filter_is_shown_as_it_was_given_and_decides_what_arrives()
    {
        var app = await fixture.Server.CreateApp();
        const string Filter = """[{"bodyPath":"a","equals":null},{"bodyPath":"b","in":[1.50,"x"]},{"bodyPath":"c","exists":false}]""";
        var created = (await fixture.Server.Raw(
            HttpMethod.Post, $"/api/v1/apps/{app}/endpoints", $$"""{"recipient":"customer_1","url":"{{fixture.Receiver.Url}}","filter":{{Filter}}}""")).Expect(201);
        created.Body.GetProperty("filter").GetRawText().ShouldBe(Filter);
        (await fixture.Server.Get($"/api/v1/apps/{app}/endpoints/{created.Text("endpointId")}")).Body.GetProperty("filter").GetRawText().ShouldBe(Filter);

        var wanted = await fixture.Server.Send(app, new { a = (string?)null, b = 1.5 });
        var unwanted = await fixture.Server.Send(app, new { a = (string?)null, b = 1.5, c = 1 });
        await fixture.Server.WaitForMessage(app, wanted, "succeeded");
        (await fixture.Server.Message(app, unwanted)).GetProperty("status").GetString().ShouldBe("skipped");
    }
}
