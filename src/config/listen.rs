//! `[listen]`: where the PDP may be asked. Nothing is bound here.

use super::keys::Kind;
use super::read::{Located, Reader, Section};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where TCP listens if `[listen]` names nothing.
const TCP_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7411);
/// Longest path of a Unix socket, in bytes: Linux has 108 with the final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Where the PDP listens; at least one of `unix` and `tcp` is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// A Unix socket, where callers are known by their uid.
    pub unix: Option<UnixListen>,
    /// TCP, where callers are known by certificate or token.
    pub tcp: Option<TcpListen>,
    /// HTTP for metrics and health; no decisions.
    pub http: Option<SocketAddr>,
}

/// A Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixListen {
    /// The socket's path.
    pub path: PathBuf,
    /// The socket's permission bits, at most `0o777`.
    pub mode: u32,
}

/// A TCP listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpListen {
    /// Address and port.
    pub address: SocketAddr,
    /// TLS; always there beyond loopback, unless `insecure` was asked for.
    pub tls: Option<TlsFiles>,
}

/// PEM files for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities of client certificates; `None`: callers need a token.
    pub client_ca: Option<PathBuf>,
}

impl Listen {
    pub(super) fn read(reader: &Reader<'_>, section: Section<'_>, base: &Path) -> Self {
        let unix = section.text("unix");
        let mode = unix_mode(&section);
        let unix = unix.map(|path| unix_listen(&section, &path, base, mode));
        let tcp = address(&section, "tcp");
        let http = address(&section, "http");
        let insecure = section.flag("insecure");
        let http_public = section.flag("http_public");
        let tls_section = section.section("tls");
        let tls_place = tls_section
            .is_present()
            .then(|| tls_section.place().clone());
        let tls = read_tls(tls_section, base);
        section.end();
        if let (Some(place), None) = (&tls_place, &tcp) {
            reader.problem(place, "`listen.tls` needs an address in `listen.tcp`");
        }
        let needs_tls = tls_place.is_none() && !insecure;
        if let Some(tcp) = tcp.as_ref().filter(|_| needs_tls) {
            check_loopback(
                reader,
                tcp,
                "tcp",
                "`[listen.tls]`, or `listen.insecure = true`",
            );
        }
        if let Some(http) = http.as_ref().filter(|_| !http_public) {
            check_loopback(reader, http, "http", "`listen.http_public = true`");
        }
        let address = match (tcp, &unix) {
            (Some(tcp), _) => Some(tcp.value),
            (None, Some(_)) => None,
            (None, None) => Some(TCP_DEFAULT),
        };
        Self {
            unix,
            tcp: address.map(|address| TcpListen { address, tls }),
            http: http.map(|http| http.value),
        }
    }
}

fn unix_mode(section: &Section<'_>) -> u32 {
    let Some(Kind::Mode(default, max)) = section.kind_of("unix_mode") else {
        return 0;
    };
    let Some(mode) = section.octal("unix_mode") else {
        return *default;
    };
    match u32::try_from(mode.value) {
        Ok(bits) if bits <= *max => bits,
        _ => {
            let message = "`listen.unix_mode` must be permission bits such as `0o660`";
            section.problem(&mode.place, message);
            *default
        }
    }
}

fn unix_listen(
    section: &Section<'_>,
    path: &Located<String>,
    base: &Path,
    mode: u32,
) -> UnixListen {
    let socket = base.join(&path.value);
    let bytes = socket.as_os_str().len();
    if bytes > SOCKET_PATH_BYTES_MAX {
        let message = format!(
            "the path of `listen.unix` has {bytes} bytes; a socket's may have {SOCKET_PATH_BYTES_MAX}"
        );
        section.problem(&path.place, message);
    }
    UnixListen { path: socket, mode }
}

fn address(section: &Section<'_>, key: &'static str) -> Option<Located<SocketAddr>> {
    let text = section.text(key)?;
    let Ok(value) = text.value.parse() else {
        let (path, given) = (section.path_of(key), &text.value);
        let message = format!(
            "`{path}` must be an IP address and a port such as `127.0.0.1:7411`, not `{given}`"
        );
        section.problem(&text.place, message);
        return None;
    };
    Some(Located {
        value,
        place: text.place,
    })
}

/// Beyond loopback others can read and change what passes, so it is wanted in so many words.
fn check_loopback(reader: &Reader<'_>, address: &Located<SocketAddr>, key: &str, needs: &str) {
    if !address.value.ip().is_loopback() {
        let given = address.value;
        let message = format!("`listen.{key}` is beyond loopback (`{given}`) and needs {needs}");
        reader.problem(&address.place, message);
    }
}

fn read_tls(section: Section<'_>, base: &Path) -> Option<TlsFiles> {
    let file = |text: Option<Located<String>>| text.map(|path| base.join(path.value));
    let cert = file(section.required_text("cert"));
    let key = file(section.required_text("key"));
    let client_ca = file(section.text("client_ca"));
    section.end();
    Some(TlsFiles {
        cert: cert?,
        key: key?,
        client_ca,
    })
}
