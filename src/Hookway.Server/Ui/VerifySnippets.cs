namespace Hookway.Ui;

/// <summary>How a receiver checks a signature, in several languages, with nothing but what each comes with. A test runs those whose language is at hand.</summary>
public static class VerifySnippets
{
    /// <summary>For endpoints that are signed by HMAC-SHA256; <c>WEBHOOK_SECRET</c> is the endpoint's secret.</summary>
    public static IReadOnlyList<(string Language, string Code)> Hmac { get; } =
    [
        ("C#", """"
            static bool Verify(IDictionary<string, string> headers, byte[] body, string secret)
            {
                var (id, time) = (headers["webhook-id"], headers["webhook-timestamp"]);
                if (Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(time)) > 300) return false;   // too old
                var key = Convert.FromBase64String(secret["whsec_".Length..]);
                byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{time}."), .. body];                          // the raw body
                var expected = HMACSHA256.HashData(key, signed);
                return headers["webhook-signature"].Split(' ').Any(one => one.StartsWith("v1,")
                    && CryptographicOperations.FixedTimeEquals(expected, Convert.FromBase64String(one[3..])));
            }
            """"),
        ("Node", """
            import { createHmac, timingSafeEqual } from "node:crypto";

            export function verify(headers, body, secret) {          // body: the raw text, before JSON.parse
              const id = headers["webhook-id"], time = headers["webhook-timestamp"];
              if (Math.abs(Date.now() / 1000 - Number(time)) > 300) return false;   // too old
              const key = Buffer.from(secret.replace("whsec_", ""), "base64");
              const expected = createHmac("sha256", key).update(`${id}.${time}.${body}`).digest();
              return headers["webhook-signature"].split(" ").some(one => {
                const [version, value] = one.split(",");
                const given = Buffer.from(value ?? "", "base64");
                return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
              });
            }
            """),
        ("Python", """
            import base64, hashlib, hmac, time

            def verify(headers, body: bytes, secret: str) -> bool:   # body: the raw bytes
                id, at = headers["webhook-id"], headers["webhook-timestamp"]
                if abs(time.time() - int(at)) > 300:                 # too old
                    return False
                key = base64.b64decode(secret.removeprefix("whsec_"))
                digest = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
                expected = "v1," + base64.b64encode(digest).decode()
                return any(hmac.compare_digest(expected, one) for one in headers["webhook-signature"].split())
            """),
        ("Go", """
            func Verify(h http.Header, body []byte, secret string) bool { // body: the raw bytes
                id, at := h.Get("webhook-id"), h.Get("webhook-timestamp")
                sec, err := strconv.ParseInt(at, 10, 64)
                if err != nil || math.Abs(float64(time.Now().Unix()-sec)) > 300 {
                    return false // too old
                }
                key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
                mac := hmac.New(sha256.New, key)
                mac.Write([]byte(id + "." + at + "."))
                mac.Write(body)
                expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
                for _, one := range strings.Fields(h.Get("webhook-signature")) {
                    if hmac.Equal([]byte(one), []byte(expected)) {
                        return true
                    }
                }
                return false
            }
            """),
        ("curl", """
            # Checks: ID, TIME and SIGNATURE are the webhook-* headers, body.json the raw body.
            KEY=$(printf %s "${WEBHOOK_SECRET#whsec_}" | base64 -d | od -An -tx1 | tr -d ' \n')
            EXPECTED=v1,$( (printf %s "$ID.$TIME."; cat body.json) | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)
            case " $SIGNATURE " in *" $EXPECTED "*) echo valid ;; *) echo invalid ;; esac

            # Sends your own receiver at URL a message that it must take: with ID and TIME=$(date +%s) of your choice.
            [ -z "$URL" ] || curl -sS "$URL" -H "webhook-id: $ID" -H "webhook-timestamp: $TIME" -H "webhook-signature: $EXPECTED" \
              -H 'content-type: application/json' --data-binary @body.json
            """),
    ];
}
