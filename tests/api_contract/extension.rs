//! What programs implement: their own auth, and their own adapters.

use std::sync::Arc;

use petition::{Adapter, Auth, BearerAuth, PreparedRequest, Response, Result, SendOptions, Session};

use crate::answer;

struct Token(String);

impl Auth for Token {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        request.headers.insert("X-Token", &self.0)
    }
}

struct Offline;

impl Adapter for Offline {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        answer(request, options)
    }
}

#[test]
fn adapters_and_auth_of_a_programs_own() -> Result<()> {
    let mut s = Session::new();
    s.trust_env = false;
    s.auth = Some(Arc::new(Token("t".into())));
    s.mount("mock://", Offline);
    s.mount("http://closed/", |_: &mut PreparedRequest, _: &SendOptions| -> Result<Response> {
        Response::builder(204).build()
    });
    s.mount("http://teapot/", petition::adapter_fn(|_request, _options| Response::builder(418).build()));

    let r = s.get("mock://x").auth(BearerAuth::new("t")).send()?;
    assert_eq!(r.request().headers.get("Authorization"), Some("Bearer t"));
    let r = s.get("http://closed/").send()?;
    assert!(r.status_code() == 204);
    assert_eq!(r.request().headers.get("X-Token"), Some("t"));
    assert!(s.get("http://teapot/").send()?.status_code() == 418);
    Ok(())
}
