//! Each kind of export, as its provider documents it.

use super::*;

fn one(day: &str, key: Option<&str>, totals: [Option<i128>; 3]) -> Billed {
    let [input, output, cost_pico_usd] = totals;
    let totals = Totals { input, output, cost_pico_usd };
    Billed { day: day.to_owned(), key: key.map(str::to_owned), totals }
}

#[test]
fn each_export_is_told_apart_and_read() {
    for (name, text, expected) in [
        (
            "OpenAI's usage",
            r#"{"object":"page","data":[{"object":"bucket","start_time":1795219200,"end_time":1795305600,
                "results":[{"object":"organization.usage.completions.result","input_tokens":1000,
                "output_tokens":500,"input_cached_tokens":800,"num_model_requests":5,"project_id":null,
                "api_key_id":"key_1","model":"gpt-5"}]}],"has_more":false,"next_page":null}"#,
            one("2026-11-21", Some("key_1"), [Some(1000), Some(500), None]),
        ),
        (
            "OpenAI's costs",
            r#"{"object":"page","data":[{"object":"bucket","start_time":1795219200,"results":[
                {"object":"organization.costs.result","amount":{"value":0.060000000000000005,"currency":"usd"},
                "line_item":null,"project_id":null}]}]}"#,
            one("2026-11-21", None, [None, None, Some(60_000_000_000)]),
        ),
        (
            "Anthropic's usage",
            r#"{"data":[{"starting_at":"2026-11-21T00:00:00Z","ending_at":"2026-11-22T00:00:00Z","results":[
                {"uncached_input_tokens":1500,"cache_creation":{"ephemeral_1h_input_tokens":1000,
                "ephemeral_5m_input_tokens":500},"cache_read_input_tokens":200,"output_tokens":500,
                "server_tool_use":{"web_search_requests":10},"api_key_id":"apikey_1","model":"m"}]}],"has_more":false}"#,
            one("2026-11-21", Some("apikey_1"), [Some(3200), Some(500), None]),
        ),
        (
            "Anthropic's costs, in cents",
            r#"{"data":[{"starting_at":"2026-11-21T00:00:00Z","results":[{"currency":"USD","amount":"123.45",
                "workspace_id":null,"description":null}]}]}"#,
            one("2026-11-21", None, [None, None, Some(1_234_500_000_000)]),
        ),
        (
            "OpenAI's dashboard",
            "start_time,end_time,start_time_iso,end_time_iso,api_key_id,model,input_tokens,output_tokens\n\
             1795219200,1795305600,2026-11-21T00:00:00+00:00,x,key_1,gpt-5,10,5\n",
            one("2026-11-21", Some("key_1"), [Some(10), Some(5), None]),
        ),
        (
            "OpenAI's dashboard of costs",
            "start_time,end_time,amount_value,amount_currency,line_item\r\n1795219200,1795305600,0.5,usd,x\r\n",
            one("2026-11-21", None, [None, None, Some(500_000_000_000)]),
        ),
        (
            "Anthropic's console",
            "usage_date_utc,model_version,api_key,workspace,usage_type,usage_input_tokens_no_cache,\
             usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,\
             usage_input_tokens_cache_read,usage_output_tokens\n2026-11-21,m,prod,Default,standard,1,2,3,4,5\n",
            one("2026-11-21", Some("prod"), [Some(10), Some(5), None]),
        ),
        (
            "anybody's",
            "date,provider_key_or_label,model,input_tokens,output_tokens,cost_usd\n2026-11-21,\"a, b\",m,1,2,0.000001\n",
            one("2026-11-21", Some("a, b"), [Some(1), Some(2), Some(1_000_000)]),
        ),
    ] {
        let export = Export::read(text).expect(name);

        assert_eq!(export.lines, [expected], "{name}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_with_its_place() {
    for (text, wanted) in [
        ("", "nothing in it"),
        ("{}", "no usage or cost report"),
        ("a,b\n1,2\n", "names no day"),
        ("date,cost_usd\n2026-11-21,1\n2026-11-22,much\n", "line 3: the cost"),
        ("date,cost_usd\nyesterday,1\n", "line 2: there is no day"),
        ("date,input_tokens\n2026-13-01,1\n", "line 2: there is no day"),
        ("date,amount_value,currency\n2026-11-21,1,EUR\n", "line 2: the ledger is in USD"),
        ("date,\"a\n", "quote"),
        (
            r#"{"data":[{"start_time":1,"results":[{"amount":{"value":1,"currency":"eur"}}]}]}"#,
            "eur",
        ),
        (r#"{"data":[{"results":[]}]}"#, "start_time"),
    ] {
        let refused = Export::read(text).err().unwrap_or_default();

        assert!(refused.contains(wanted), "{text}: {refused}");
    }
}
