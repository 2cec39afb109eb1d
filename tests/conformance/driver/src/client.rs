//! What `runner` needs of a client: three traits, and a guard that turns a panic into an observation.
//!
//! `client_petition` implements the traits; `runner` knows nothing of petition's API.

use crate::scenario::*;
use serde_json::Value;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Why something did not work.
#[derive(Debug, Clone)]
pub enum Fail {
    /// There is no call for it; the scenario is counted apart.
    Unsupported(String),
    /// An error. `class` is the name of the exception in requests.
    Error {
        class: String,
        message: String,
        inner: Vec<String>,
        /// Of the response that the error carries: its status and the length of its history.
        response: Option<(u16, usize)>,
    },
}

impl Fail {
    pub fn error(class: &str, message: impl ToString) -> Fail {
        Fail::Error { class: class.into(), message: message.to_string(), inner: vec![], response: None }
    }
}

pub type Res<T> = Result<T, Fail>;

/// Name, value, domain, path.
pub type Cookie = [String; 4];

#[derive(Debug, Clone, Default)]
pub struct Head {
    pub status: u16,
    pub reason: String,
    pub url: String,
    /// One entry a name, values joined with ", ", in the order and case in which each came first.
    pub headers: Vec<(String, String)>,
    pub history: Vec<(u16, String)>,
    pub encoding: Option<String>,
    /// Cookies that this very response set.
    pub cookies: Vec<Cookie>,
    /// The Link header, by rel, else by URL.
    pub links: Option<Value>,
}

/// ok, is_redirect, is_permanent_redirect, and method and URL of `next`.
pub type Info = (bool, bool, bool, Option<(String, String)>);

pub trait Engine: Send + Sync {
    fn session(&self, cfg: &SessionCfg, mounts: &[Mount]) -> Res<Arc<dyn Sess>>;
    /// The one-shot functions: no session of the program's own.
    fn one_shot(&self) -> Res<Arc<dyn Sess>>;
}

pub trait Sess: Send + Sync {
    fn configure(&self, cfg: &SessionCfg) -> Res<()>;
    fn mount(&self, m: &Mount) -> Res<()>;
    fn send(&self, req: &Req) -> Res<Box<dyn Resp>>;
    fn jar(&self) -> Res<Vec<Cookie>>;
    fn clear_cookies(&self) -> Res<()>;
    fn close(&self) -> Res<()>;
}

pub trait Resp: Send {
    fn head(&mut self) -> Res<Head>;
    /// The whole body, decoded; `Response.content`.
    fn content(&mut self) -> Res<Vec<u8>>;
    /// `Response.text`, under another encoding if one is given.
    fn text(&mut self, encoding: Option<&str>) -> Res<String>;
    fn json(&mut self) -> Res<Value>;
    /// `iter_content(size)`. The sink says whether to go on; `sizes`: the size of each chunk is looked at.
    fn chunks(&mut self, size: Option<usize>, sizes: bool, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Res<()>;
    /// `iter_content(size, decode_unicode=True)`.
    fn text_chunks(&mut self, size: Option<usize>, sink: &mut dyn FnMut(String) -> bool) -> Res<()>;
    /// `iter_lines(chunk_size, delimiter)`.
    fn lines(
        &mut self,
        size: Option<usize>,
        delimiter: Option<&[u8]>,
        sink: &mut dyn FnMut(Vec<u8>) -> bool,
    ) -> Res<()>;
    /// `raw.read(n)`, undecoded unless `decode`.
    fn raw_read(&mut self, n: usize, decode: bool) -> Res<Vec<u8>>;
    fn raise_for_status(&mut self) -> Res<()>;
    fn info(&mut self) -> Res<Info>;
    fn close(&mut self) -> Res<()>;
}

pub fn engine() -> impl Engine {
    Guarded(crate::client_petition::PetitionEngine)
}

// ---- panics ----------------------------------------------------------------------------------

thread_local!(static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) });

/// Keeps the text and the place of a panic for `guard`; it still goes to stderr as well.
pub fn note_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        LAST_PANIC.with(|p| *p.borrow_mut() = info.to_string());
        usual(info);
    }));
}

/// Runs a call into petition; a panic becomes `{class: "Panic"}`.
fn guard<T>(call: impl FnOnce() -> Res<T>) -> Res<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        let text = LAST_PANIC.with(|p| std::mem::take(&mut *p.borrow_mut()));
        Err(Fail::error("Panic", text))
    })
}

struct Guarded<E>(E);

impl<E: Engine> Engine for Guarded<E> {
    fn session(&self, cfg: &SessionCfg, mounts: &[Mount]) -> Res<Arc<dyn Sess>> {
        guard(|| Ok(Arc::new(GuardedSess(Some(self.0.session(cfg, mounts)?))) as _))
    }
    fn one_shot(&self) -> Res<Arc<dyn Sess>> {
        guard(|| Ok(Arc::new(GuardedSess(Some(self.0.one_shot()?))) as _))
    }
}

struct GuardedSess(Option<Arc<dyn Sess>>);

impl GuardedSess {
    fn inner(&self) -> &dyn Sess {
        &**self.0.as_ref().expect("only drop takes it")
    }
}

impl Sess for GuardedSess {
    fn configure(&self, cfg: &SessionCfg) -> Res<()> {
        guard(|| self.inner().configure(cfg))
    }
    fn mount(&self, m: &Mount) -> Res<()> {
        guard(|| self.inner().mount(m))
    }
    fn send(&self, req: &Req) -> Res<Box<dyn Resp>> {
        guard(|| Ok(Box::new(GuardedResp(Some(self.inner().send(req)?))) as _))
    }
    fn jar(&self) -> Res<Vec<Cookie>> {
        guard(|| self.inner().jar())
    }
    fn clear_cookies(&self) -> Res<()> {
        guard(|| self.inner().clear_cookies())
    }
    fn close(&self) -> Res<()> {
        guard(|| self.inner().close())
    }
}

impl Drop for GuardedSess {
    fn drop(&mut self) {
        let inner = self.0.take();
        let _ = guard(|| Ok(drop(inner)));
    }
}

struct GuardedResp(Option<Box<dyn Resp>>);

impl GuardedResp {
    fn inner(&mut self) -> &mut dyn Resp {
        &mut **self.0.as_mut().expect("only drop takes it")
    }
}

impl Resp for GuardedResp {
    fn head(&mut self) -> Res<Head> {
        guard(|| self.inner().head())
    }
    fn content(&mut self) -> Res<Vec<u8>> {
        guard(|| self.inner().content())
    }
    fn text(&mut self, encoding: Option<&str>) -> Res<String> {
        guard(|| self.inner().text(encoding))
    }
    fn json(&mut self) -> Res<Value> {
        guard(|| self.inner().json())
    }
    fn chunks(&mut self, size: Option<usize>, sizes: bool, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Res<()> {
        guard(|| self.inner().chunks(size, sizes, sink))
    }
    fn text_chunks(&mut self, size: Option<usize>, sink: &mut dyn FnMut(String) -> bool) -> Res<()> {
        guard(|| self.inner().text_chunks(size, sink))
    }
    fn lines(
        &mut self,
        size: Option<usize>,
        delimiter: Option<&[u8]>,
        sink: &mut dyn FnMut(Vec<u8>) -> bool,
    ) -> Res<()> {
        guard(|| self.inner().lines(size, delimiter, sink))
    }
    fn raw_read(&mut self, n: usize, decode: bool) -> Res<Vec<u8>> {
        guard(|| self.inner().raw_read(n, decode))
    }
    fn raise_for_status(&mut self) -> Res<()> {
        guard(|| self.inner().raise_for_status())
    }
    fn info(&mut self) -> Res<Info> {
        guard(|| self.inner().info())
    }
    fn close(&mut self) -> Res<()> {
        guard(|| self.inner().close())
    }
}

impl Drop for GuardedResp {
    fn drop(&mut self) {
        let inner = self.0.take();
        let _ = guard(|| Ok(drop(inner)));
    }
}
