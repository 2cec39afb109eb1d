"""Makes the certificates of the tests with the openssl command, once."""
import os
import shutil
import subprocess
import tempfile

from paths import WORK

VERSION = "3"


def run(*a, **k):
    subprocess.run(a, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **k)


def ensure():
    """the folder that has them"""
    d = os.path.join(WORK, f"certs-{VERSION}")
    if os.path.exists(os.path.join(d, "ok")):
        return d
    # made aside and moved into place, as two runs may start at once
    os.makedirs(WORK, exist_ok=True)
    made = tempfile.mkdtemp(prefix="certs-", dir=WORK)
    make(made)
    try:
        os.rename(made, d)
    except OSError:
        shutil.rmtree(made)
    return d


def make(d):
    def p(n):
        return os.path.join(d, n)

    def key(n):
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", p(n + ".key"))

    def ca(n, cn):
        key(n)
        run("openssl", "req", "-x509", "-new", "-key", p(n + ".key"), "-days", "3650", "-sha256",
            "-subj", "/O=Conformance/CN=" + cn, "-out", p(n + ".pem"),
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def leaf(n, ca_, cn, san, start=None, end=None, eku="serverAuth"):
        key(n)
        run("openssl", "req", "-new", "-key", p(n + ".key"), "-subj", "/O=Conformance/CN=" + cn, "-out", p(n + ".csr"))
        ext = p(n + ".ext")
        with open(ext, "w") as f:
            f.write("basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=%s\n" % eku)
            f.write("subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
            if san:
                f.write("subjectAltName=%s\n" % san)
        db = p("db-" + n)
        os.makedirs(db, exist_ok=True)
        open(os.path.join(db, "index.txt"), "w").close()
        with open(os.path.join(db, "cnf"), "w") as f:
            f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index.txt\nnew_certs_dir=%s\nrand_serial=yes\n"
                    "default_md=sha256\npolicy=pol\nunique_subject=no\n[pol]\norganizationName=optional\ncommonName=optional\n" % (db, db))
        run("openssl", "ca", "-batch", "-config", os.path.join(db, "cnf"), "-in", p(n + ".csr"), "-out", p(n + ".crt"),
            "-cert", p(ca_ + ".pem"), "-keyfile", p(ca_ + ".key"), "-extfile", ext, "-notext",
            "-startdate", start or "20200101000000Z", "-enddate", end or "20491231000000Z")
        with open(p(n + ".pem"), "w") as f:
            f.write(open(p(n + ".crt")).read())
            f.write(open(p(ca_ + ".pem")).read())

    ca("ca", "Conformance Root")
    ca("otherca", "Other Root")
    ca("clientca", "Client Root")
    both = "DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:0:0:0:0:0:0:0:1"
    leaf("good", "ca", "localhost", both)
    leaf("onlyname", "ca", "localhost", "DNS:localhost")
    leaf("onlyip", "ca", "127.0.0.1", "IP:127.0.0.1")
    leaf("wronghost", "ca", "elsewhere.test", "DNS:elsewhere.test")
    leaf("wildcard", "ca", "*.localhost", "DNS:*.localhost")
    leaf("cnonly", "ca", "localhost", None)
    leaf("ipasdns", "ca", "127.0.0.1", "DNS:127.0.0.1")
    leaf("expired", "ca", "localhost", both, "20190101000000Z", "20200101000000Z")
    leaf("future", "ca", "localhost", both, "20450101000000Z", "20491231000000Z")
    leaf("untrusted", "otherca", "localhost", both)
    leaf("client", "clientca", "client one", None, eku="clientAuth")
    leaf("client2", "otherca", "client two", None, eku="clientAuth")
    # self-signed leaf
    key("selfsigned")
    run("openssl", "req", "-x509", "-new", "-key", p("selfsigned.key"), "-days", "3650", "-sha256",
        "-subj", "/O=Conformance/CN=localhost", "-out", p("selfsigned.pem"), "-addext", "subjectAltName=" + both)
    # combined files
    def cat(out, *ins):
        with open(p(out), "w") as f:
            for i in ins:
                f.write(open(p(i)).read())
    cat("client-both.pem", "client.crt", "client.key")
    cat("bundle.pem", "otherca.pem", "ca.pem")
    open(p("empty.pem"), "w").close()
    with open(p("garbage.pem"), "w") as f:
        f.write("this is not a certificate\n")
    os.makedirs(p("cadir"), exist_ok=True)
    cat("cadir/ca.pem", "ca.pem")
    run("openssl", "rehash", p("cadir"))
    # key with a passphrase
    run("openssl", "ec", "-in", p("client.key"), "-aes128", "-passout", "pass:secret", "-out", p("client-enc.key"))
    open(p("ok"), "w").close()
