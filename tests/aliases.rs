//! What leads people here who know another client: names by which the documentation is searched, and by which the compiler
//! suggests a method, and messages for values that do not fit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Names of requests, urllib3, requests-toolbelt, reqwest and ureq, each for exactly one item (`#[doc(alias = "...")]`).
const ALIASES: [&str; 147] = [
    "Agent",
    "AgentBuilder",
    "AuthBase",
    "BaseAdapter",
    "BaseUrlSession",
    "CancellationToken",
    "CaseInsensitiveDict",
    "Client",
    "ClientBuilder",
    "ConnectTimeoutError",
    "CookieConflictError",
    "CookieStore",
    "DecodeError",
    "EmptyPoolError",
    "Form",
    "HTTPAdapter",
    "HTTPBasicAuth",
    "HTTPConnectionPool",
    "HTTPDigestAuth",
    "HTTPError",
    "HTTPProxyAuth",
    "HeaderMap",
    "Identity",
    "IncompleteRead",
    "InvalidProxyURL",
    "InvalidURL",
    "JSONDecodeError",
    "LocationParseError",
    "MaxRetryError",
    "MultipartEncoder",
    "MultipartEncoderMonitor",
    "NewConnectionError",
    "NoProxy",
    "PoolManager",
    "ProtocolError",
    "Proxy",
    "ReadTimeoutError",
    "RequestException",
    "RequestsCookieJar",
    "SSLError",
    "StreamConsumedError",
    "Transport",
    "UnrewindableBodyError",
    "abort",
    "adapters",
    "add",
    "add_header",
    "add_root_certificate",
    "add_root_certificates",
    "assert_fingerprint",
    "assert_hostname",
    "basic_auth",
    "bearer_auth",
    "block",
    "body",
    "builder",
    "bytes",
    "bytes_stream",
    "call",
    "certifi",
    "chardet",
    "charset",
    "chunk",
    "chunk_size",
    "client_cert",
    "connect_timeout",
    "cookie_provider",
    "cookie_store",
    "curlify",
    "danger_accept_invalid_certs",
    "danger_accept_invalid_hostnames",
    "decode_unicode",
    "default_headers",
    "delimiter",
    "disable_verification",
    "dns_resolver",
    "error_for_status_ref",
    "eventsource",
    "execute",
    "extend",
    "final_url",
    "follow_links",
    "from_pem",
    "from_pkcs12_der",
    "from_pkcs8_pem",
    "from_reader",
    "generator",
    "get_dict",
    "get_url",
    "header_map",
    "http_version",
    "identity",
    "into_body",
    "into_bytes",
    "into_json",
    "into_reader",
    "into_string",
    "local_address",
    "max_idle_age",
    "max_idle_connections",
    "max_idle_connections_per_host",
    "max_response_header_size",
    "max_tls_version",
    "merge_environment_settings",
    "method_whitelist",
    "metrics",
    "mime_str",
    "min_tls_version",
    "multipart",
    "no_delay",
    "no_env_proxy",
    "num_pools",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "preload_content",
    "prepped",
    "proxy",
    "query_pairs",
    "query_param",
    "read_json",
    "read_timeout",
    "read_to_vec",
    "redirect",
    "redirect_history",
    "redirects",
    "remote_addr",
    "retries",
    "send_bytes",
    "send_form",
    "send_json",
    "send_string",
    "server_hostname",
    "set",
    "sse",
    "status",
    "status_text",
    "text_with_charset",
    "timeout_connect",
    "timeout_global",
    "timeout_per_call",
    "timeout_read",
    "tls_built_in_root_certs",
    "token",
    "use_native_tls",
    "use_preconfigured_tls",
    "use_rustls_tls",
    "user_agent",
];

#[test]
fn each_name_leads_to_exactly_one_item() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for text in sources() {
        for line in text.lines() {
            if let Some(rest) = line.trim_start().strip_prefix("#[doc(alias = \"") {
                let name = rest.strip_suffix("\")]").expect("one name for each attribute, on a line of its own");
                *found.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    for name in ALIASES {
        assert_eq!(found.remove(name), Some(1), "{name}");
    }
    assert!(found.is_empty(), "not in the list: {found:?}");
}

#[test]
fn every_conversion_says_what_would_fit() {
    let mut traits = 0;
    for text in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let is_conversion = line.starts_with("pub trait Into") || line.starts_with("pub trait Pair");
            if is_conversion {
                traits += 1;
                let attributes = lines[..index].iter().rev().take_while(|line| !line.starts_with("///"));
                let says = attributes.filter(|line| line.starts_with("#[diagnostic::on_unimplemented(")).count();
                assert_eq!(says, 1, "{line}");
            }
        }
    }
    assert!(traits >= 14, "{traits}");
}

fn sources() -> Vec<String> {
    let mut paths = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    assert!(paths.len() > 100, "this is not the tree that the test knows");
    paths.iter().map(|path| fs::read_to_string(path).expect("a source file can be read")).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}
