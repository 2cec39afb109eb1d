//! Tests of files: client certificates, keys and archives, with every backend of the build.

use std::path::Path;

use super::testing::*;
use super::*;
use crate::error::ErrorKind;
use crate::net::Phase;
use crate::net::testing::*;
use crate::verify::{ClientCert, Verify};

// TLS-03, TLS-11, TLS-12
#[test]
fn files_that_cannot_be_used_are_named_before_anything_is_connected() {
    let pki = Pki::new();
    let dir = &pki.dir;
    let garbage = dir.file("garbage.pem", "this is not a certificate\n");
    let empty = dir.file("empty.pem", "");
    let cert = dir.file("client.pem", &pki.leaf.cert);
    let key = dir.file("client.key", &pki.leaf.key);
    let encrypted = dir.file("encrypted.key", pki.leaf.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    let other_key = dir.file("other.key", pki.authority.leaf(&["localhost"]).key);
    let missing = dir.path().join("missing.pem");

    for backend in backends() {
        let base = || pki.config(&backend);
        let verify = |path| TlsConfig { verify: Verify::CaBundle(path), ..base() };
        let with_cert = |cert: &Path, key: &Path| TlsConfig { cert: Some(ClientCert::pem(cert, key)), ..base() };
        for (config, kind, text) in [
            (verify(missing.clone()), ErrorKind::Io, "missing.pem"),
            (verify(garbage.clone()), ErrorKind::SslError, "garbage.pem"),
            (verify(empty.clone()), ErrorKind::SslError, "empty.pem"),
            (with_cert(&missing, &key), ErrorKind::Io, "client certificate"),
            (with_cert(&cert, &missing), ErrorKind::Io, "client key"),
            (with_cert(&garbage, &key), ErrorKind::SslError, "garbage.pem"),
            (with_cert(&cert, &cert), ErrorKind::SslError, "client.pem cannot be used: there is no private key"),
            (with_cert(&cert, &encrypted), ErrorKind::SslError, "its ENCRYPTED PRIVATE KEY is encrypted"),
            (with_cert(&cert, &other_key), ErrorKind::SslError, "the client certificate or its key cannot be used"),
        ] {
            let settings = TlsSettings::new(config);
            // Nothing listens there, and nothing has to.
            let error =
                connector_to([closed_port()]).connect(&direct("localhost", Some(&settings)), &patient()).unwrap_err();

            assert_eq!((error.kind(), error.phase), (kind, Phase::Tls), "{error}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}

/// The P-256 key of `leaf` as OpenSSL's `ecparam -genkey` writes it, with its curve inside or in a block before it.
#[cfg(feature = "rustls")]
fn as_sec1(leaf: &Leaf, curve_inside: bool) -> String {
    use super::der::{INTEGER, OCTET_STRING, OID, SEQUENCE, Values, frame};
    use base64::Engine;

    const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let pem = |label: &str, der: &[u8]| {
        let base64 = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    };
    let outer = Values(&leaf.key_der).next().unwrap();
    let wrapped = Values(outer.content).find(|value| value.tag == OCTET_STRING).unwrap();
    let inner = Values(wrapped.content).expect(SEQUENCE).unwrap();
    let secret = Values(inner.content).find(|value| value.tag == OCTET_STRING).unwrap();
    let public = Values(inner.content).find(|value| value.tag == 0xa1).unwrap();
    let curve = frame(OID, &[P256]);
    let version = frame(INTEGER, &[&[1]]);
    if curve_inside {
        pem("EC PRIVATE KEY", &frame(SEQUENCE, &[&version, secret.whole, &frame(0xa0, &[&curve]), public.whole]))
    } else {
        pem("EC PARAMETERS", &curve) + &pem("EC PRIVATE KEY", &frame(SEQUENCE, &[&version, secret.whole, public.whole]))
    }
}

// TLS-11, TLS-13
#[cfg(feature = "rustls")]
#[test]
fn a_client_certificate_is_shown_where_one_is_required() {
    use ::rustls::version::{TLS12, TLS13};

    let pki = Pki::new();
    let clients = Authority::new("Client Authority");
    let client = clients.leaf(&["client.test"]);
    let authority = der_of(&clients.pem);
    let (tell, told) = std::sync::mpsc::channel();
    let cert = pki.dir.file("client.pem", &client.cert);
    let key = pki.dir.file("client.key", &client.key);
    let both = pki.dir.file("both.pem", client.key.clone() + &client.cert);
    let sec1 = pki.dir.file("sec1.key", as_sec1(&client, true));
    let sec1_apart = pki.dir.file("sec1-apart.key", as_sec1(&client, false));

    for version in [&TLS12, &TLS13] {
        let acceptor = Acceptor::with(&pki.leaf, &[version], Some(&authority)).reporting(tell.clone());
        let peer = echo_over_tls(acceptor);
        for backend in backends() {
            for shown in [
                ClientCert::pem(&cert, &key),
                ClientCert::pem_file(&both),
                ClientCert::pem(&cert, &sec1),
                ClientCert::pem(&cert, &sec1_apart),
                ClientCert::pem_bytes(client.cert.clone(), client.key.clone()),
            ] {
                let config = TlsConfig { cert: Some(shown), ..pki.config(&backend) };
                assert_echo(&mut connect(peer, "localhost", config).unwrap().transport);
                assert!(told.recv().unwrap().has_cert);
            }

            // Without one, the error of TLS 1.3 comes with the first read.
            let text = match connect(peer, "localhost", pki.config(&backend)) {
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::SslError);
                    error.to_string()
                }
                Ok(mut connected) => {
                    let error = std::io::Read::read(&mut connected.transport, &mut [0]).unwrap_err();
                    let error = TlsError::inside(&error).unwrap_or_else(|| panic!("not TLS: {error:?}"));
                    assert_eq!(error.kind(), TlsErrorKind::ClientCertificateRequired);
                    error.to_string()
                }
            };
            assert!(text.contains("require"), "{text}");
        }
    }
}

#[cfg(feature = "native-tls")]
#[test]
fn native_tls_takes_archives_and_old_rsa_keys() {
    use base64::Engine;

    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text.replace('\n', "")).unwrap();
    let built = |cert| {
        prepare(&TlsSettings::new(TlsConfig {
            verify: Verify::No,
            cert: Some(cert),
            backend: TlsBackend::NativeTls,
            ..TlsConfig::default()
        }))
        .map(drop)
    };

    assert!(built(ClientCert::pkcs12_bytes(decode(ARCHIVE), "secret")).is_ok());
    let wrong = built(ClientCert::pkcs12_bytes(decode(ARCHIVE), "guess")).unwrap_err();
    assert_eq!(wrong.kind(), TlsErrorKind::Unusable);
    assert!(wrong.to_string().starts_with("the PKCS#12 archive memory cannot be used"), "{wrong}");
    assert!(!wrong.to_string().contains("guess"));

    // The key parses; what is wrong is that it belongs to another certificate.
    let base64 = RSA_KEY.trim();
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{base64}\n-----END RSA PRIVATE KEY-----\n");
    let other = built(ClientCert::pem_bytes(Pki::new().leaf.cert, key)).unwrap_err();
    assert!(other.to_string().ends_with("it is not for the certificate"), "{other}");
}

/// The keys are one, under the passphrase `sésame`: as `openssl genpkey` writes it today, with scrypt, and as it was done
/// before PKCS#5 version 2.
#[cfg(all(feature = "native-tls", feature = "digest"))]
#[test]
fn native_tls_opens_encrypted_keys() {
    let built = |cert| {
        let config = TlsConfig { verify: Verify::No, cert: Some(cert), ..TlsConfig::default() };
        build(&TlsConfig { backend: TlsBackend::NativeTls, ..config }).map(drop)
    };
    for key in [ENCRYPTED_KEY, SCRYPT_KEY, OLD_KEY] {
        let cert = |cert: &str| ClientCert::pem_bytes(cert, key);

        built(cert(CLIENT).passphrase("sésame")).unwrap();
        let both = ClientCert::pem_bytes(format!("{key}\n{CLIENT}"), format!("{CLIENT}\n{key}"));
        built(both.passphrase("sésame")).unwrap();
        for (cert, text) in [
            (cert(CLIENT).passphrase("hunter2"), "the passphrase does not open it"),
            (cert(CLIENT).passphrase(""), "the passphrase does not open it"),
            (cert(&Pki::new().leaf.cert).passphrase("sésame"), "for that certificate"),
            (cert(CLIENT), "its ENCRYPTED PRIVATE KEY is encrypted; give its passphrase"),
        ] {
            let error = built(cert).unwrap_err();

            assert_eq!(error.kind(), TlsErrorKind::Unusable);
            assert!(error.to_string().contains(text) && !error.to_string().contains("hunter2"), "{error}");
        }
    }
}

#[test]
fn an_encrypted_key_that_cannot_be_opened_is_an_error_that_says_what_to_do() {
    for backend in backends() {
        let built = |cert| {
            let config = TlsConfig { verify: Verify::No, cert: Some(cert), ..TlsConfig::default() };
            build(&TlsConfig { backend: backend.clone(), ..config }).map(drop)
        };
        let encrypted = ClientCert::pem_bytes(CLIENT, ENCRYPTED_KEY);
        let old = ClientCert::pem_bytes(CLIENT, OPENSSL_KEY).passphrase("sésame");
        for (cert, kind) in [(encrypted.clone(), TlsErrorKind::Unusable), (old, TlsErrorKind::Unusable)] {
            let error = built(cert).unwrap_err();

            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains("openssl pkcs8 ") && error.to_string().contains("PKCS#12"), "{error}");
        }
        if backend == TlsBackend::Rustls {
            let error = built(encrypted.passphrase("sésame")).unwrap_err();

            assert_eq!(error.kind(), TlsErrorKind::Unsupported);
            assert!(
                error.to_string().contains("openssl pkcs8 ") && error.to_string().contains("native-tls"),
                "{error}"
            );
        }
        // A key that is not encrypted needs no passphrase, and minds none.
        let leaf = Pki::new().leaf;
        built(ClientCert::pem_bytes(leaf.cert, leaf.key).passphrase("any")).unwrap();
    }
}

// TLS-02: both backends ask for a root, as OpenSSL does
#[cfg(feature = "rustls")]
#[test]
fn a_chain_ends_at_a_root_with_every_backend() {
    let root = Authority::new("Root");
    let middle = root.below("Middle");
    let leaf = middle.leaf(&["localhost"]);
    let dir = TempDir::new();
    let only_middle = dir.file("middle.pem", &middle.pem);
    let only_root = dir.file("root.pem", &root.pem);
    let both = dir.file("both.pem", middle.pem.clone() + &root.pem);
    let strangers = dir.file("strangers.pem", middle.pem.clone() + &Authority::new("Root").pem);
    let short = echo_over_tls(Acceptor::new(&leaf));
    let whole = echo_over_tls(Acceptor::of_chain(&leaf, &[der_of(&middle.pem)]));

    for backend in backends() {
        let with = |bundle: &Path| TlsConfig {
            verify: Verify::from(bundle),
            backend: backend.clone(),
            ..TlsConfig::default()
        };
        for peer in [short, whole] {
            assert_echo(&mut connect(peer, "localhost", with(&both)).unwrap().transport);
            let error = connect(peer, "localhost", with(&only_middle)).unwrap_err();
            assert_eq!((error.kind(), tls_kind(&error)), (ErrorKind::SslError, TlsErrorKind::Unusable));
            assert!(error.to_string().contains("middle.pem") && error.to_string().contains("add the root"), "{error}");
            let error = connect(peer, "localhost", with(&strangers)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SslError, "{error}");
            assert!(error.is_verification(), "{error}");
        }
        assert_echo(&mut connect(whole, "localhost", with(&only_root)).unwrap().transport);
        assert_fails(connect(short, "localhost", with(&only_root)), TlsErrorKind::UnknownIssuer, "unknown authority");
    }
}

// OpenSSL's own trust settings, which it leaves out of what it is told as DER
#[cfg(feature = "rustls")]
#[test]
fn an_authority_that_its_file_rejects_for_servers_is_not_trusted() {
    use super::der::{SEQUENCE, frame};

    const SERVER_AUTH: &[u8] = &[0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    const EMAIL: &[u8] = &[0x06, 8, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04];
    let pki = Pki::new();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf));
    let trusted = |settings: &[&[u8]]| {
        let block = [der_of(&pki.authority.pem), frame(SEQUENCE, settings)].concat();
        pem::to_pem("TRUSTED CERTIFICATE", &block)
    };
    let good = [trusted(&[]), trusted(&[&frame(SEQUENCE, &[SERVER_AUTH])]), trusted(&[&frame(0xa0, &[EMAIL])])];
    let bad = [trusted(&[&frame(0xa0, &[SERVER_AUTH])]), trusted(&[&frame(SEQUENCE, &[EMAIL])])];
    let other = Authority::new("Other").pem;

    for backend in backends() {
        let result = |text: &str| {
            let bundle = pki.dir.file("bundle.pem", text);
            let config = TlsConfig { verify: Verify::from(bundle), backend: backend.clone(), ..TlsConfig::default() };
            connect(peer, "localhost", config)
        };
        for block in &good {
            assert_echo(&mut result(block).unwrap().transport);
        }
        for block in &bad {
            assert_fails(result(block), TlsErrorKind::Unusable, "none of its certificates is trusted for servers");
            let beside = [block.as_str(), &other, &pki.authority.pem].concat();
            assert_fails(result(&beside), TlsErrorKind::UnknownIssuer, "unknown authority");
        }
    }
}

#[cfg(all(feature = "rustls", not(feature = "native-tls")))]
#[test]
fn an_archive_without_native_tls_is_an_error_that_names_it() {
    let config =
        TlsConfig { verify: Verify::No, cert: Some(ClientCert::pkcs12_bytes("x", "")), ..TlsConfig::default() };

    let error = connect(closed_port(), "localhost", config).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("native-tls"), "{error}");
}

/// A P-256 key and its certificate, made for this test with OpenSSL 3; nothing trusts it.
#[cfg(feature = "native-tls")]
const ARCHIVE: &str = "
MIIEDAIBAzCCA8IGCSqGSIb3DQEHAaCCA7MEggOvMIIDqzCCAmIGCSqGSIb3DQEHBqCCAlMwggJPAgEAMIICSAYJKoZIhvcNAQcBMFcGCSqGSI
b3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjZQj0pxl5y3QICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEECHE21Hb2X7rvPr61OFEgteA
ggHgrYTrTrVUC8QR8oYkpQoV4AH2bvaJuIAxbZYwDrn5A+H9WkPizIDy5YurNtu3ERt5g69RNVMV9nsCQST5bOQCvn7QQTHss7W+BNO5YL2Us8
gvKr9faTD7A17wBN0NF5FPVTUt+qLCw9BAQtbKXiaprNnvprSRtms5CAb0k88/G+yBXNcEmyl6OoDq7nflSFoI4nR4Jjan2vBJ6unEqaUOBsv/
fLb8saCxhyG3ROzdunI32WG8iZ5vLU18mNOE3Umku7YSo3hvc9zeNTodJV9NDFcHheKG7Idi7Z9A1/686afaMdzN1zMibHVUEDy/hFLvUoA9Ua
pxXCT+RpKOoygY/qpQAPBF3y0LDNg3CAoLGRyIT6bSs44/5hEbhBv+ZSStV2yRxMmmWZEU2oZK4FOwk4x8hrYLVsTGlXDL2UsC0DmE90Fts8h7
X7U0WfbJTH+feZaWThPuhgWpa2ZpQIn2IUShFx+NP4577qNIkaSkLtqdnCnktEL/JlVJy/TzbRRpouzplOIVOPsEv7d8BL2fhpEEK1yBoDgrkN
xp96wm0iv/3xxL+rvKyZJ8b4FI0t9ot7/QldiIY9sUzTm7SBa80CCznO7QuRoiYUGSEUSUAf/a3lJsof/xkQA0VPq0EkitMIIBQQYJKoZIhvcN
AQcBoIIBMgSCAS4wggEqMIIBJgYLKoZIhvcNAQwKAQKgge8wgewwVwYJKoZIhvcNAQUNMEowKQYJKoZIhvcNAQUMMBwECJ9T1ok/m0RPAgIIAD
AMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQMbpr2TZheCdyvG0BwrMJ/gSBkLEDoxMZybErwNtrFRLFZ3aLdKBLPWb8rybjtxu0tWSdnz08
FGSXmzb6LMqHLVgtf94CiICPxeKYKsKb2pqbFzHoFhAs53JpmhI2BhWY2gAryWsREIlPJ413/k47skzIqKXkR+O7rITgEmABXwfbhhhLkzDgZh
wzfhz47aSj92Rr+jUF08i0mmz2BSD3qsVA1DElMCMGCSqGSIb3DQEJFTEWBBQOBveUQ8UjIXTtAP+1qDmqP32hqTBBMDEwDQYJYIZIAWUDBAIB
BQAEIDhrYPc/yfjMOd3wFZuUZI80TczW82PUCoDXq9iDvVH/BAhmVFKDamMXZAICCAA=
";

/// PKCS#1, made for this test; nothing uses it.
#[cfg(feature = "native-tls")]
const RSA_KEY: &str = "
MIICXQIBAAKBgQDNoqW3SHpxF8nL5hvon2r/w60361XB+xf2NNS2yXV6kSHHsLX0wk/DH3opxrSvHgvX0XRP9tku9E6bOkCvB6f1pFOFmwbCSe
g10Q3OXTcPFGEvQAeI7QeuNaPLh8z4bl0Yken1kLlzFSoFuW2n9CRL2ChT7FkkchCs8Sjo+kipvwIDAQABAoGAKmZT9wOpw3HdOP6cWI2uWUg2
iiYrC5FDco+YIIxPfdM4/Nyx1+LM4XW3EbAYB1eRp5FXgzlptKXJI3aSacSRW9U7ttKqM0Atwkxboi/GiA1JdNM0LKSM1unihftL2CUiLPVnlx
2USMlfd8FzL/ejGj63Tn1sKY+impmO6BjHILkCQQDr7C6tKGkZFYUcd7wNKMgKvclm+aCfJ8IHL0Ys+nr4PSRlY2TrF1sh7flHl+6A+Mu+I110
1gUe9nnXBQRqBovtAkEA3yKgQcsQdGrm7Ej0ygIeRaVAlw0J9IqMhA7dt2OxaIQ1H9dauiSKOy6J4RRPUyvEkkBGV8lQF5gGp5wahigO2wJBAJ
g/ebvLKU/DwHwnlNbVK4srAO8QRySObrteOaZLGtJZ+sPnSbghAXG69jTKimL2q90PS39bokBiBSzKkxetE90CQQC4f5v86tffOulX5HcrdRbs
xVgjza82mTzYkKY5VeBCKFb4zguBsGbvympNRorUnXL67tR7D8T+zUBrZIL1/LdTAkAQfXllVeCrsQ8rL37M/X9ipC3gi95fkq27HY4TNGoZ9+
dZa9f1nuZYJL3M1WvAKDA+o5m12CKxLld2AeOXHG4u
";

/// A P-256 key and its certificate, made for these tests with OpenSSL 3; nothing trusts it.
const CLIENT: &str = "
-----BEGIN CERTIFICATE-----
MIIBgjCCASmgAwIBAgIUPoEgnADd+kyFpyMT+Py4u6RNyZwwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLY2xpZW50LnRlc3QwIBcNMjYxMTI4MTkwNjMzWhgPMjEyNjEx
MDQxOTA2MzNaMBYxFDASBgNVBAMMC2NsaWVudC50ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAECghXRDNzrZfQh+Zu7loqISdgv9JLbYL3KkWIFZ7DHMSImATx
IWm0/7V5ECenzRc89BHqW+ucVfznoY0lLL8cQqNTMFEwHQYDVR0OBBYEFOWdTXdF
dbQkGuYASxApREeKKA9UMB8GA1UdIwQYMBaAFOWdTXdFdbQkGuYASxApREeKKA9U
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgC4Y7ZlE15MtoH1Jw
E4fHfpmI4q3w4azsQVSoR3r0dRgCIGPzMXuADCFj7soWp2oKSU/YUCsum1/vdbhE
V/IQ+C6I
-----END CERTIFICATE-----
";

const ENCRYPTED_KEY: &str = "
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgLnxRudM6mWwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEMTrCT/eOB0Ky7o/4g81OC8EgZDO
q9YqG1YDwvysPotSgG3m1SyRP7cSv2Ze+Nz0zBDmvek0gMlEgcHIsH4DsRRW98H/
aHvVIIGOQcwXsEJrUN67UvXmwlZrQ3D29OSoGAxxfqZblkS/bkJhy9qVeYgFatIz
z/5YdAGxUoNXm38FbTSB3Alyr+G5MGiOPGeebwEE3TAdiTudw0dNW3n7KvQXJyQ=
-----END ENCRYPTED PRIVATE KEY-----
";

#[cfg(all(feature = "native-tls", feature = "digest"))]
const SCRYPT_KEY: &str = "
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAjJ5BafW7yjkwICQAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBC5XI/ltoBYoOxDlSUM8WW8BIGQba952slYPiFt
zDquSi7a1K/rt7w6VwfwXSUod4DoKQqR7K7NILB2ecTGorQ5K+hek2grKsgD+NB9
pzp5n3vkLff0HHRgMjhO2oaMqbR0zb9xy1G7c4kr5msMrdGwDcmOy/kG6n4cAb0P
SXh9uui+UNs/qregbtWnsyo5M0GP5wVmnqQbWZbDrvi2kqcNQVlR
-----END ENCRYPTED PRIVATE KEY-----
";

#[cfg(all(feature = "native-tls", feature = "digest"))]
const OLD_KEY: &str = "
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQMwDgQIr5vV4cDR0LQCAggABIGQHEahIXUuwuE20jSQ
ePrNDfUHdo1NbiJyHybTgYIOvSbxqcyxK2j8Nt+QIoSkFnk2sih4UMrhph2BJ/mD
FZlOUCKwmjoFUGqGYrkJ5VOAi/uVMbjbLkjHLPsO+8e+cxusoAg4RGqPz7bjuS1q
lpgMflX4pV3ni7MhJswTMN+NOXkJSpmf5iUSfHAlLSK15N/r
-----END ENCRYPTED PRIVATE KEY-----
";

/// Under the same passphrase, in the format of OpenSSL before version 1.
const OPENSSL_KEY: &str = "
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,507E1D1CBA7D34761446A17FA893D5D8

XNOWjaYiAf5Y5sd5yMGTKq/zsepaVleSSt9QJuV+L94DcIMeyaU6De6MqyNdtyjt
2sxrgn/uWD4zhrLH4yZrdMLNlc37OuSGMh1fxp3sYsAIgFs7G+XFGKhCKI15YjJu
vB1vy9NBNaTfeea1eMdAnyuBlHbgFQNkmpe/qIB2Je4=
-----END EC PRIVATE KEY-----
";
