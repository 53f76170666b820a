using System.Text;
using System.Text.Json;
using Hookway.Api;
using Hookway.Dispatch.EventTypes.Schemas;

namespace Hookway.Tests.Dispatch.EventTypes.Schemas;

public class JsonSchemaTests
{
    private const string TooMuchWork = "takes more work to be judged by its schema than is allowed";

    [Fact]
    public void What_is_wrong_is_named_by_JSON_pointers_with_a_sentence_each()
    {
        var errors = Check(
            """
            {"type":"object","required":["id","a/b~c"],"additionalProperties":false,
             "properties":{"id":{"type":"string","pattern":"^inv_","maxLength":8},"amount":{"type":"integer","minimum":0.5},"status":{"enum":["open","paid",null]},
                           "lines":{"type":"array","maxItems":3,"items":{"required":["sku"],"properties":{"n":{"multipleOf":0.01}}}}}}
            """,
            """{"id":"invoice_1","amount":0,"status":"void","extra":{},"lines":[{"sku":1},{"n":0.015},{"sku":2},{"sku":3}]}""");

        errors.ShouldBe(new Dictionary<string, string>
        {
            ["/id"] = "must have at most 8 characters; must match the pattern ^inv_",
            ["/amount"] = "must be at least 0.5",
            ["/status"] = "must be one of \"open\", \"paid\", null",
            ["/extra"] = "is not allowed",
            ["/lines"] = "must have at most 3 items",
            ["/lines/1/n"] = "must be a multiple of 0.01",
            ["/lines/1/sku"] = "is required",
            ["/a~1b~0c"] = "is required",
        }, ignoreOrder: true);
        Check("""{"type":["object","null"]}""", "5").ShouldBe(new Dictionary<string, string> { [""] = "must be null or an object" });
    }

    [Fact]
    public void The_errors_of_one_value_are_bounded()
    {
        Check("""{"items":{"type":"string"}}""", $"[{string.Join(',', Enumerable.Range(0, 1_000))}]").Count.ShouldBe(JsonSchema.MostErrors);
    }

    [Theory]
    [InlineData("""{"maximum":5}""", "1e400", false)]
    [InlineData("""{"maximum":1e400}""", "1e399", true)]
    [InlineData("""{"exclusiveMinimum":12345678901234567890123456789012345678901}""", "12345678901234567890123456789012345678902", true)]
    [InlineData("""{"const":12345678901234567890123456789012345678901}""", "12345678901234567890123456789012345678902", false)]
    [InlineData("""{"const":1}""", "1.000e0", true)]
    [InlineData("""{"const":-0}""", "0.0", true)]
    [InlineData("""{"const":0.1}""", "0.1000000000000000055511151231257827", false)]
    [InlineData("""{"type":"integer"}""", "1e999999999999999999999", true)]
    [InlineData("""{"type":"integer"}""", "10e-1", true)]
    [InlineData("""{"type":"integer"}""", "15e-1", false)]
    [InlineData("""{"multipleOf":0.01}""", "1e308", true)]
    [InlineData("""{"multipleOf":0.01}""", "19.99", true)]
    [InlineData("""{"multipleOf":0.01}""", "19.999", false)]
    [InlineData("""{"multipleOf":7}""", "1e999999999999", false)]
    [InlineData("""{"multipleOf":0.0001}""", "-0.0075", true)]
    [InlineData("""{"minimum":-5}""", "-5.0000000000000000000000000001", false)]
    public void Numbers_are_judged_exactly_however_they_are_written(string schema, string data, bool matches) => Matches(schema, data).ShouldBe(matches);

    [Theory]
    [InlineData("""{"maxLength":1}""", "\"\\ud800\"", true)]
    [InlineData("""{"maxLength":1}""", "\"\\ud83d\\ude00\"", true)]
    [InlineData("""{"maxLength":1}""", "\"😀\"", true)]
    [InlineData("""{"minLength":2}""", "\"😀\"", false)]
    [InlineData("""{"pattern":"^\\ud800$"}""", "\"\\ud800\"", true)]
    [InlineData("""{"const":"a/\u0000\n"}""", "\"a\\/\\u0000\\n\"", true)]
    [InlineData("""{"properties":{"a":{"type":"string"}}}""", """{"\ud800":1,"a":1}""", false)]
    [InlineData("""{"properties":{"a":{}},"additionalProperties":false}""", """{"\ud800":1}""", false)]
    [InlineData("""{"properties":{"a":{"type":"string"}}}""", """{"a":1,"a":"x"}""", false)]
    [InlineData("""{"properties":{"a":{"type":"string"}}}""", """{"a":"x","\u0061":1}""", false)]
    [InlineData("""{"maxProperties":1}""", """{"a":1,"a":2}""", true)]
    [InlineData("""{"propertyNames":{"maxLength":2}}""", """{"\"\\":1}""", true)]
    [InlineData("""{"propertyNames":{"pattern":"^[a-z]$"}}""", """{"a":1,"B":2}""", false)]
    public void Text_is_judged_as_code_points_and_every_one_of_doubled_names_counts(string schema, string data, bool matches) => Matches(schema, data).ShouldBe(matches);

    [Theory]
    [InlineData("""{"propertees":{}}""", "the keyword propertees is not supported")]
    [InlineData("""{"properties":{"a":{"nullable":true}}}""", "/properties/a: the keyword nullable is not supported; a value that may be null")]
    [InlineData("""{"$dynamicRef":"#x"}""", "the keyword $dynamicRef is not supported")]
    [InlineData("""{"dependencies":{}}""", "dependentRequired")]
    [InlineData("""{"$vocabulary":{}}""", "$vocabulary is not supported")]
    [InlineData("""{"$ref":"http://localhost:1/x.json"}""", "$ref http://localhost:1/x.json is remote")]
    [InlineData("""{"$ref":"other.json#/a"}""", "is remote")]
    [InlineData("""{"$ref":"https://json-schema.org/draft/2020-12/schema"}""", "is remote")]
    [InlineData("""{"$ref":"#/$defs/a"}""", "leads to no schema")]
    [InlineData("""{"$ref":"#a"}""", "leads to no schema")]
    [InlineData("""{"$ref":"#/examples/0","examples":[{}]}""", "leads to no schema")]
    [InlineData("""{"$ref":"#"}""", "leads back to itself")]
    [InlineData("""{"anyOf":[{"not":{"$ref":"#"}}]}""", "leads back to itself")]
    [InlineData("""{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"allOf":[{"$ref":"#/$defs/a"}]}}}""", "leads back to itself")]
    [InlineData("""{"$ref":5}""", "$ref must be a string")]
    [InlineData("""{"$schema":"http://json-schema.org/draft-07/schema#"}""", "$schema must be https://json-schema.org/draft/2020-12/schema")]
    [InlineData("""{"$id":"a#b"}""", "$id must be")]
    [InlineData("""{"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}}""", "another schema")]
    [InlineData("""{"$anchor":"1"}""", "$anchor must be")]
    [InlineData("""{"type":"text"}""", "type must be")]
    [InlineData("""{"type":["string","string"]}""", "type must be")]
    [InlineData("""{"type":[]}""", "type must be")]
    [InlineData("""{"items":[{}]}""", "a list of schemas is called prefixItems")]
    [InlineData("""{"items":5}""", "/items: must be a schema")]
    [InlineData("""{"allOf":[]}""", "allOf must be a list of at least one schema")]
    [InlineData("""{"properties":[]}""", "properties must be an object")]
    [InlineData("""{"required":["a","a"]}""", "required must be a list of names")]
    [InlineData("""{"required":true}""", "required must be a list of names")]
    [InlineData("""{"minLength":-1}""", "minLength must be a whole number")]
    [InlineData("""{"maxItems":1.5}""", "maxItems must be a whole number")]
    [InlineData("""{"minimum":"1"}""", "minimum must be a number")]
    [InlineData("""{"exclusiveMinimum":true}""", "exclusiveMinimum must be a number")]
    [InlineData("""{"multipleOf":0}""", "multipleOf must be above zero")]
    [InlineData("""{"multipleOf":1234567890123456789}""", "at most 18 digits")]
    [InlineData("""{"enum":5}""", "enum must be a list")]
    [InlineData("""{"pattern":"(?=a)"}""", "the pattern (?=a) looks ahead")]
    [InlineData("""{"patternProperties":{"(a)\\1":{}}}""", "refers to what a group matched")]
    [InlineData("""{"type":"string","type":"number"}""", "has type twice")]
    [InlineData("5", "must be a schema")]
    [InlineData("[]", "must be a schema")]
    public void What_cannot_be_used_is_refused_by_name(string schema, string problem)
    {
        var errors = new FieldErrors();
        JsonSchema.Read(Encoding.UTF8.GetBytes(schema), "schema", errors).ShouldBeNull();
        errors.ToDictionary()["schema"].ShouldContain(text => text.Contains(problem, StringComparison.Ordinal), string.Join('\n', errors.ToDictionary()["schema"]));
    }

    [Theory]
    [InlineData("""{"$id":"https://example.com/a","$ref":"b#x","$defs":{"b":{"$id":"b","$defs":{"c":{"$anchor":"x","type":"string"}}}}}""", "1", false)]
    [InlineData("""{"$ref":"Invoice","$defs":{"i":{"$id":"Invoice","type":"string"}}}""", "\"a\"", true)]
    [InlineData("""{"definitions":{"a":{"type":"string"}},"$ref":"#/definitions/a"}""", "1", false)]
    [InlineData("""{"x-owner":"billing","format":"email","$comment":"c","title":"t"}""", "\"not an address\"", true)]
    [InlineData("""{"properties":{"next":{"$ref":"#"}},"required":["v"]}""", """{"v":1,"next":{"v":2,"next":{}}}""", false)]
    [InlineData("""{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}""", """{"a":1,"b":2}""", false)]
    [InlineData("""{"if":{"properties":{"kind":{"const":"card"}},"required":["kind"]},"then":{"required":["last4"]},"else":{"required":["iban"]}}""", """{"kind":"card","iban":"x"}""", false)]
    [InlineData("true", "{}", true)]
    [InlineData("false", "{}", false)]
    public void Schemas_are_put_together_from_others_within(string schema, string data, bool matches) => Matches(schema, data).ShouldBe(matches);

    public static TheoryData<string, string, string> Hostile { get; } = new()
    {
        { "references that double at each step", Doubling("allOf"), "1" },
        { "choices that double at each step", Doubling("anyOf"), "1" },
        { "a choice of choices for every item", """{"items":{"oneOf":[""" + Join(200, i => """{"oneOf":[""" + Join(10, j => $$"""{"const":{{(i * 10) + j}} }""") + "]}") + "]}}", $"[{Join(50_000, _ => "0")}]" },
        { "a large pattern over long text", """{"pattern":"((a|b)*a(a|b){300}c|(a|b)*b(a|b){300}d)"}""", $"\"{string.Concat(Enumerable.Repeat("ab", 200_000))}\"" },
        { "a property looked for among many patterns", """{"patternProperties":{""" + Join(400, i => $"\"(a|b)*a(a|b){{{i % 40}}}c{i}\":{{}}") + "}}", "{" + Join(20_000, i => $"\"abababababababababababababab{i}\":1") + "}" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void No_schema_and_no_data_can_take_more_work_than_is_allowed(string what, string schema, string data)
    {
        what.ShouldNotBeEmpty();
        Check(schema, data).ShouldBe(new Dictionary<string, string> { [""] = TooMuchWork });
    }

    [Fact]
    public void Large_honest_data_is_judged()
    {
        const string Schema = """
            {"items":{"type":"object","required":["id","amount"],"properties":{"id":{"type":"string","pattern":"^inv_[a-z0-9]{4,20}$"},"amount":{"type":"integer","minimum":0},
             "kind":{"anyOf":[{"const":"a"},{"const":"b"},{"enum":["c","d"]}]}},"additionalProperties":false},"uniqueItems":true}
            """;
        var data = $"[{Join(15_000, i => $$"""{"id":"inv_{{i:x8}}","amount":{{i}},"kind":"d"}""")}]";
        Matches(Schema, data).ShouldBeTrue();
        Check(Schema, data[..^1] + ",{\"id\":\"inv_00000000\",\"amount\":0,\"kind\":\"d\"}]").ShouldBe(new Dictionary<string, string> { [""] = "must have no item twice" });
    }

    [Fact]
    public void A_schema_is_bounded()
    {
        Problem($$"""{"$defs":{ {{Join(5_001, i => $"\"d{i}\":{{}}")}} } }""").ShouldContain("more than 5000 subschemas");
        Problem($$"""{"description":"{{new string('x', JsonSchema.MostBytes)}}"}""").ShouldContain("at most 65536 bytes");
        Problem($$"""{"$defs":{ {{Join(150, i => $$"""
            "d{{i}}":{"$ref":"#/$defs/d{{i + 1}}"}
            """)}},"d150":true } }""").ShouldContain("leads through more than 100 schemas");
        Problem($$"""{ {{Join(100, i => $"\"k{i}\":1")}} }""").Split("is not supported").Length.ShouldBeLessThan(12);
    }

    private static string Doubling(string keyword) => $$"""
        {"$ref":"#/$defs/d0","$defs":{ {{Join(24, i => $$"""
        "d{{i}}":{"{{keyword}}":[{"$ref":"#/$defs/d{{i + 1}}"},{"$ref":"#/$defs/d{{i + 1}}"}]}
        """)}},"d24":{"type":"{{(keyword == "allOf" ? "integer" : "string")}}"} } }
        """;

    private static string Join(int count, Func<int, string> item) => string.Join(',', Enumerable.Range(0, count).Select(item));

    private static string Problem(string schema)
    {
        var errors = new FieldErrors();
        JsonSchema.Read(Encoding.UTF8.GetBytes(schema), "schema", errors).ShouldBeNull();
        return string.Join('\n', errors.ToDictionary()["schema"]);
    }

    private static bool Matches(string schema, string data) => Check(schema, data).Count == 0;

    private static Dictionary<string, string> Check(string schema, string data)
    {
        var errors = new FieldErrors();
        var read = JsonSchema.Read(Encoding.UTF8.GetBytes(schema), "schema", errors);
        (errors.Any ? errors.Sentence : null).ShouldBeNull();
        return read!.Check(JsonElement.Parse(data), Encoding.UTF8.GetByteCount(data))?.ToDictionary().ToDictionary(pair => pair.Key, pair => string.Join("; ", pair.Value)) ?? [];
    }
}
