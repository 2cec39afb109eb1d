//! tmp
use petition::testing::*;
use petition::*;
#[test] fn smoke(){
 let server=TestServer::http(|r| Reply::new(200).body(r.target.clone()));
 let s=Session::new();
 for i in 0..3 { let r=s.get(server.url(&format!("/p?x={i}"))).send().unwrap(); println!("{:?} {} {:?}", r, r.text().unwrap(), r.exchange()); }
 println!("{} {}", server.accepted(), server.requests()[0].raw_text());
}
