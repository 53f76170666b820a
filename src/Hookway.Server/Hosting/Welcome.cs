namespace Hookway.Hosting;

/// <summary>What the server prints for its operator when it is ready: where things are, the first key (once), and lines that work as printed.</summary>
public static class Welcome
{
    private const string AskForKey = "${HOOKWAY_KEY:?set it to an API key}";
    private const string KeyOfBefore = "printed at the first start; for another: ./run create-key --name NAME --scopes '*'";
    private const string NoLoopback =
        """

        The endpoint below is on this machine, which this server may not call: start it with
        Hookway:Deliveries:AllowedNetworks=127.0.0.0/8, or put the address of another receiver in its place.

        """;

    /// <param name="url">The server's address.</param>
    /// <param name="firstKey">The key that was just made; null at every later start.</param>
    /// <param name="settings">Of the server.</param>
    /// <param name="ownerLink">The path that makes the first owner; null when there is one.</param>
    public static string Text(string url, string? firstKey, ServerSettings settings, string? ownerLink = null) => $$$"""

        Hookway is ready.

          API reference   {{{url}}}/docs
          Dashboard       {{{(ownerLink is null ? url : url + ownerLink + "   (opens once: makes its owner)")}}}
          API key         {{{firstKey ?? (settings.BootstrapApiKey is null ? KeyOfBefore : "the one you gave (Hookway:BootstrapApiKey)")}}}

        Send a first message. In another terminal, start a receiver on port 9000:

        dotnet run samples/receive.cs
        {{{(settings.AllowsLoopback ? "" : NoLoopback)}}}
        And in a third, paste:

        HOOKWAY_KEY={{{firstKey ?? AskForKey}}}
        APP=$(curl -sS {{{url}}}/api/v1/apps -H "Authorization: Bearer $HOOKWAY_KEY" -H 'Content-Type: application/json' -d '{"name":"Billing events"}' | grep -o 'app_[0-9a-z]*' | head -n 1); echo "$APP"
        curl -sS -X PUT {{{url}}}/api/v1/apps/$APP/event-types/invoice.paid -H "Authorization: Bearer $HOOKWAY_KEY" -H 'Content-Type: application/json' -d '{"description":"An invoice was paid","examplePayload":{"invoiceId":"inv_1","amount":4200}}'; echo
        curl -sS {{{url}}}/api/v1/apps/$APP/endpoints -H "Authorization: Bearer $HOOKWAY_KEY" -H 'Content-Type: application/json' -d '{"recipient":"customer_123","url":"http://localhost:9000/hook"}'; echo
        MSG=$(curl -sS {{{url}}}/api/v1/apps/$APP/messages -H "Authorization: Bearer $HOOKWAY_KEY" -H 'Content-Type: application/json' -d '{"recipient":"customer_123","type":"invoice.paid","data":{"invoiceId":"inv_1","amount":4200}}' | grep -o 'msg_[0-9a-z]*' | head -n 1); echo "$MSG"
        sleep 1; curl -sS {{{url}}}/api/v1/apps/$APP/messages/$MSG/attempts -H "Authorization: Bearer $HOOKWAY_KEY"; echo


        """;
}
