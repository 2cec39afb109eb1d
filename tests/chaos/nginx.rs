//! The server behind the proxies: a real nginx with the files of the test, plain and over TLS. It passes uploads on.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use super::process::{Dir, Process, free_port, program};
use super::stored::Stored;
use super::support::Authority;
use super::{FILES, file};

pub struct Nginx {
    process: Process,
    tls: u16,
    dir: Dir,
    stored: Stored,
}

impl Nginx {
    /// What `Peer::told` is told.
    pub fn told(&self) -> String {
        let tls = SocketAddr::from((Ipv4Addr::LOCALHOST, self.tls));
        format!("{} {tls} {}", self.process.address(), self.dir.text(CA))
    }

    /// How many uploads it passed on, and what was wrong with them.
    pub fn uploads(&self) -> (usize, Vec<String>) {
        self.stored.uploads()
    }
}

const CA: &str = "ca.pem";

/// Starts nginx. `None` if it is not installed.
pub fn start() -> Option<Nginx> {
    let nginx = program("nginx")?;
    let dir = Dir::new("chaos");
    let authority = Authority::new("chaos");
    let leaf = authority.leaf(&["127.0.0.1"]);
    dir.write(CA, &authority.pem);
    dir.write("server.pem", &leaf.cert);
    dir.write("server.key", &leaf.key);
    for number in 0..FILES {
        dir.write(&format!("{number}"), file(number));
    }
    let stored = Stored::default();
    let uploads = stored.serve().to_string();
    let tls = free_port();
    let process = Process::start(&dir, |port| {
        let text = CONFIGURATION.replace("$PLAIN$", &port.to_string()).replace("$TLS$", &tls.to_string());
        dir.write("nginx.conf", text.replace("$UPLOADS$", &uploads));
        let mut command = Command::new(&nginx);
        command.arg("-p").arg(dir.root()).args(["-e", "error.log", "-c", "nginx.conf"]);
        command
    });
    Some(Nginx { process, tls, dir, stored })
}

/// It closes connections itself now and then, and `/gzip/` answers in chunks.
const CONFIGURATION: &str = "
daemon off;
user root;
worker_processes 1;
pid nginx.pid;
events { worker_connections 2048; }
http {
    access_log off;
    error_log error.log crit;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 0;
    client_body_buffer_size 128k;
    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    upstream uploads { server $UPLOADS$; keepalive 32; }
    keepalive_requests 12;
    default_type text/plain;
    root .;
    server {
        listen 127.0.0.1:$PLAIN$;
        listen 127.0.0.1:$TLS$ ssl;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        location /gzip/ { alias ./; gzip on; gzip_min_length 0; gzip_comp_level 1; }
        location /put/ { proxy_pass http://uploads; }
    }
}
";
