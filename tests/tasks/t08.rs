use petition::{Multipart, Part, Response, Session};

pub fn report(session: &Session, url: &str, pdf: &str, table: &str) -> petition::Result<Response> {
    let form = Multipart::new()
        .text("title", "Quarterly report")
        .text("year", 2026)
        .part("report", Part::file(pdf)?.mime("application/pdf"))
        .part("table", Part::file(table)?.mime("text/csv"));
    session.post(url).files(form).send()?.error_for_status()
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn fields_and_files_are_parts_of_one_form() {
    let server = TestServer::http(|_| Reply::new(200));
    let folder = crate::folder("form");
    let (pdf, csv) = (folder.join("a.pdf"), folder.join("b.csv"));
    std::fs::write(&pdf, "%PDF").unwrap();
    std::fs::write(&csv, "a,b").unwrap();

    report(&crate::session(), &server.url("/"), pdf.to_str().unwrap(), csv.to_str().unwrap()).unwrap();

    let body = String::from_utf8(server.requests()[0].body.clone()).unwrap();
    for part in [
        "name=\"title\"\r\n\r\nQuarterly report",
        "name=\"year\"\r\n\r\n2026",
        "filename=\"a.pdf\"",
        "filename=\"b.csv\"",
        "%PDF",
        "a,b",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
}
