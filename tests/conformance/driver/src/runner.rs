//! Plays the steps of a scenario and puts together what was observed.

use crate::client::*;
use crate::scenario::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

pub struct Runner<'a> {
    pub engine: &'a dyn Engine,
    pub mounts: &'a [Mount],
    pub control: &'a str,
    /// Err: what went wrong when it was made; each step then fails with it
    pub session: Option<Res<Arc<dyn Sess>>>,
    pub session_stream: bool,
    pub sessions: Mutex<HashMap<String, Res<Arc<dyn Sess>>>>,
    pub responses: Mutex<HashMap<String, Box<dyn Resp>>>,
    pub unsupported: Mutex<Option<String>>,
}

pub fn hexsha(b: &[u8]) -> String {
    let d = Sha256::digest(b);
    d.iter().take(8).map(|x| format!("{x:02x}")).collect()
}

fn latin1(b: &[u8]) -> String {
    b.iter().map(|&c| c as char).collect()
}

pub fn octets(b: &[u8]) -> Value {
    let mut m = Map::new();
    m.insert("len".into(), json!(b.len()));
    if b.len() <= 400 {
        m.insert("data".into(), json!(latin1(b)));
    } else {
        m.insert("sha".into(), json!(hexsha(b)));
    }
    Value::Object(m)
}

impl<'a> Runner<'a> {
    fn err(&self, f: Fail) -> Value {
        match f {
            Fail::Unsupported(w) => {
                self.unsupported.lock().unwrap().get_or_insert(w);
                json!({"class": "unsupported"})
            }
            Fail::Error { class, message, inner, response } => {
                let mut m = Map::new();
                m.insert("class".into(), json!(class));
                m.insert("inner".into(), json!(inner));
                m.insert("message".into(), json!(message));
                if let Some((status, history)) = response {
                    m.insert("status".into(), json!(status));
                    m.insert("history".into(), json!(history));
                }
                Value::Object(m)
            }
        }
    }

    pub fn step(&self, st: &Value) -> Value {
        let op = st.get("op").and_then(Value::as_str).unwrap_or("request");
        let t0 = Instant::now();
        let mut out = match op {
            "request" => self.request(st),
            "read" => self.read(st),
            "sleep" => {
                std::thread::sleep(Duration::from_secs_f64(st["s"].as_f64().unwrap_or(0.0)));
                return json!({});
            }
            "state" => return json!({"state": self.ctl("state")}),
            "signal" => {
                self.ctl(&format!("signal {}", st["name"].as_str().unwrap()));
                return json!({});
            }
            "wait" => {
                let n = st.get("count").and_then(Value::as_u64).unwrap_or(1);
                return json!({"ok": self.ctl(&format!("wait {} {n}", st["name"].as_str().unwrap()))});
            }
            "set" => {
                return self.unit(|s| s.configure(&serde_json::from_value(st["session"].clone()).expect("session")));
            }
            "mount" => return self.unit(|s| s.mount(&serde_json::from_value(st.clone()).expect("mount"))),
            "close_session" => return self.unit(|s| s.close()),
            "clear_cookies" => return self.unit(|s| s.clear_cookies()),
            "new_session" => {
                let cfg: SessionCfg =
                    st.get("session").cloned().map(|v| serde_json::from_value(v).expect("session")).unwrap_or_default();
                let mounts = cfg.mounts.clone().unwrap_or_else(|| self.mounts.to_vec());
                let made = self.engine.session(&cfg, &mounts);
                let out = match &made {
                    Ok(_) => json!({}),
                    Err(e) => json!({"error": self.err(e.clone())}),
                };
                self.sessions.lock().unwrap().insert(st["name"].as_str().unwrap().into(), made);
                return out;
            }
            "drop" => {
                self.responses.lock().unwrap().remove(st.get("of").and_then(Value::as_str).unwrap_or("_"));
                return json!({});
            }
            "parallel" => self.parallel(st),
            other => panic!("unknown op {other}"),
        };
        if let Value::Object(m) = &mut out {
            m.insert("t".into(), json!((t0.elapsed().as_secs_f64() * 1000.0).round() / 1000.0));
        }
        out
    }

    fn unit(&self, f: impl FnOnce(&dyn Sess) -> Res<()>) -> Value {
        let done = match self.session.as_ref().expect("session") {
            Ok(s) => f(&**s),
            Err(e) => Err(e.clone()),
        };
        match done {
            Ok(()) => json!({}),
            Err(e) => json!({"error": self.err(e)}),
        }
    }

    fn ctl(&self, cmd: &str) -> Value {
        let mut s = TcpStream::connect(self.control).expect("control");
        writeln!(s, "{cmd}").unwrap();
        let mut line = String::new();
        BufReader::new(s).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or(Value::Null)
    }

    fn parallel(&self, st: &Value) -> Value {
        let threads = st["threads"].as_array().unwrap();
        let bar = Barrier::new(threads.len());
        let stagger = st.get("stagger").and_then(Value::as_f64).unwrap_or(0.0);
        let outs: Vec<Value> = std::thread::scope(|sc| {
            let hs: Vec<_> = threads
                .iter()
                .enumerate()
                .map(|(i, steps)| {
                    let bar = &bar;
                    sc.spawn(move || {
                        bar.wait();
                        if stagger > 0.0 {
                            std::thread::sleep(Duration::from_secs_f64(stagger * i as f64));
                        }
                        Value::Array(steps.as_array().unwrap().iter().map(|s| self.step(s)).collect())
                    })
                })
                .collect();
            hs.into_iter().map(|h| h.join().unwrap_or(Value::Null)).collect()
        });
        json!({"threads": outs})
    }

    fn request(&self, st: &Value) -> Value {
        let req: Req = serde_json::from_value(st.clone()).expect("request step");
        let sess: Res<Arc<dyn Sess>> = match &req.session {
            Some(n) => self.sessions.lock().unwrap()[n].clone(),
            None => match &self.session {
                Some(s) => s.clone(),
                None => self.engine.one_shot(),
            },
        };
        let sess = match sess {
            Ok(s) => s,
            Err(e) => return json!({"error": self.err(e)}),
        };
        let mut out = match sess.send(&req) {
            Err(e) => json!({"error": self.err(e)}),
            Ok(mut r) => {
                let o = self.observe(&mut *r, &req);
                // non-stream: requests has read the body; an error there is the call's error
                let o = match o {
                    Ok(v) => v,
                    Err(e) => json!({"error": self.err(e)}),
                };
                self.responses.lock().unwrap().insert(req.id.clone().unwrap_or("_".into()), r);
                o
            }
        };
        if self.session.is_some() || req.session.is_some() {
            match sess.jar() {
                Ok(jar) if jar.is_empty() => {}
                Ok(mut jar) => {
                    jar.sort();
                    out["jar"] = json!(jar);
                }
                Err(e) => out["jar"] = json!({"error": self.err(e)}),
            }
        }
        out
    }

    fn observe(&self, r: &mut dyn Resp, req: &Req) -> Res<Value> {
        let stream = req.stream.unwrap_or(self.session_stream);
        let body = if !stream { Some(r.content()?) } else { None };
        let h = r.head()?;
        let mut o = Map::new();
        o.insert("status".into(), json!(h.status));
        o.insert("reason".into(), json!(h.reason));
        o.insert("url".into(), json!(h.url));
        o.insert("headers".into(), json!(h.headers));
        o.insert("history".into(), json!(h.history));
        o.insert("encoding".into(), json!(h.encoding));
        if !h.cookies.is_empty() {
            let mut c = h.cookies.clone();
            c.sort();
            o.insert("cookies".into(), json!(c));
        }
        if let Some(l) = h.links {
            o.insert("links".into(), l);
        }
        if let (Some(b), false) = (body, req.nobody) {
            let mut bo = octets(&b);
            if h.encoding.is_some() || b.is_ascii() {
                let t = r.text(None)?;
                let lat: Vec<u8> = t.chars().map(|c| if (c as u32) < 256 { c as u32 as u8 } else { b'?' }).collect();
                if lat != b || !t.is_ascii() {
                    let n = t.chars().count();
                    bo["text"] = if n < 400 { json!(t) } else { json!({"chars": n, "sha": hexsha(t.as_bytes())}) };
                }
            } else {
                bo["text_guessed"] = json!(true);
            }
            o.insert("body".into(), bo);
            if req.json_result {
                o.insert(
                    "json".into(),
                    match r.json() {
                        Ok(v) => json!({"value": v}),
                        Err(e) => json!({"error": self.err(e)}),
                    },
                );
            }
        }
        Ok(Value::Object(o))
    }

    fn read(&self, st: &Value) -> Value {
        let id = st.get("of").and_then(Value::as_str).unwrap_or("_").to_string();
        let Some(mut r) = self.responses.lock().unwrap().remove(&id) else {
            return json!({"skipped": true});
        };
        let mut o = Map::new();
        let size = st.get("size").and_then(Value::as_u64).map(|n| n as usize);
        let limit = st.get("limit").and_then(Value::as_u64).unwrap_or(u64::MAX) as usize;
        let how = st["how"].as_str().unwrap();
        let res: Res<()> = (|| {
            match how {
                "content" => {
                    o.insert("body".into(), octets(&r.content()?));
                }
                "text" => {
                    let enc = st.get("encoding").and_then(Value::as_str);
                    o.insert("text".into(), json!(r.text(enc)?));
                }
                "json" => {
                    o.insert("json".into(), r.json()?);
                }
                "iter_content" if st.get("decode_unicode").is_some() && r.head()?.encoding.is_some() => {
                    let mut parts: Vec<String> = vec![];
                    let e = r.text_chunks(size, &mut |s| {
                        parts.push(s);
                        parts.len() < limit
                    });
                    o.insert("texts".into(), json!(parts));
                    e?;
                }
                "iter_content" => {
                    let mut all = vec![];
                    let mut sizes: Vec<usize> = vec![];
                    let e = r.chunks(size, st.get("sizes").is_some(), &mut |b| {
                        sizes.push(b.len());
                        all.extend_from_slice(&b);
                        sizes.len() < limit
                    });
                    if st.get("sizes").is_some() {
                        o.insert("sizes".into(), json!(sizes));
                    }
                    o.insert("body".into(), octets(&all));
                    e?;
                }
                "iter_lines" => {
                    let mut lines: Vec<String> = vec![];
                    let delim = st.get("delimiter").and_then(Value::as_str).map(|s| s.as_bytes().to_vec());
                    // the program decodes the lines itself, by the response's encoding
                    let uni = st.get("decode_unicode").is_some()
                        && r.head()?.encoding.is_some_and(|e| e.eq_ignore_ascii_case("utf-8"));
                    let e = r.lines(size, delim.as_deref(), &mut |b| {
                        lines.push(if uni { String::from_utf8_lossy(&b).into_owned() } else { latin1(&b) });
                        lines.len() < limit
                    });
                    o.insert("lines".into(), json!(lines));
                    e?;
                }
                "raw_read" => {
                    let d = st.get("decode").and_then(Value::as_bool).unwrap_or(false);
                    o.insert("body".into(), octets(&r.raw_read(size.unwrap_or(0), d)?));
                }
                "close" => r.close()?,
                "raise_for_status" => r.raise_for_status()?,
                "info" => {
                    let (ok, a, b, next) = r.info()?;
                    o.insert("ok".into(), json!(ok));
                    o.insert("is_redirect".into(), json!(a));
                    o.insert("is_permanent_redirect".into(), json!(b));
                    o.insert("next".into(), json!(next));
                }
                "header" => {
                    let n = st["name"].as_str().unwrap().to_ascii_lowercase();
                    let v = r.head()?.headers.into_iter().find(|(k, _)| k.to_ascii_lowercase() == n).map(|x| x.1);
                    o.insert("value".into(), json!(v));
                }
                other => panic!("unknown read {other}"),
            }
            Ok(())
        })();
        if let Err(e) = res {
            o.insert("error".into(), self.err(e));
        }
        self.responses.lock().unwrap().insert(id, r);
        Value::Object(o)
    }
}
