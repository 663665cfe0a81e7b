//! Addresses: `mongodb://user:password@host:port/database?options`.

use super::MongoError;
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

const SCHEMES: [&str; 2] = ["mongodb://", "mongodb+srv://"];

/// Where a server is, and how to be let in. Shown without name and password, and without
/// options.
#[derive(Clone)]
pub struct Address {
    whole: Zeroizing<String>,
    shown: String,
    hosts: String,
    database: Option<String>,
}

impl Address {
    /// The database that is named, if one is.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// `host:port`, several joined by commas.
    pub fn hosts(&self) -> &str {
        &self.hosts
    }

    /// The address with everything that it takes to be let in.
    pub(super) fn whole(&self) -> &str {
        &self.whole
    }
}

impl FromStr for Address {
    type Err = MongoError;

    /// The driver looks at the options when it connects.
    fn from_str(text: &str) -> Result<Self, MongoError> {
        let parts = SCHEMES.iter().find_map(|scheme| Some((*scheme, text.strip_prefix(scheme)?)));
        let refused = |why: &str| MongoError::Address { why: why.to_string() };
        let (scheme, rest) = parts.ok_or_else(|| refused("it does not begin with mongodb://"))?;
        // A password may hold anything but `@` and `/`, which are written as %40 and %2F.
        let (before_options, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = before_options.split_once('/').unwrap_or((before_options, ""));
        // Else part of a password would be taken for a host, and shown.
        if database.contains('@') || options.contains('@') {
            return Err(refused("write / ? @ as %2F %3F %40, but for the @ before the host"));
        }
        let (_, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        if hosts.is_empty() {
            return Err(refused("it names no host"));
        }
        // What is taken for a host is shown, and must not be a password.
        if !hosts.split(',').all(has_right_port) {
            return Err(refused("a port is no number; a name and password end with @"));
        }
        let database = decode(database).ok_or_else(|| refused("its database is not UTF-8"))?;
        if database.contains(['/', '\\', '.', '"', '$', ' ', '\0']) {
            return Err(refused("a database has another name than this can be"));
        }
        let slash = if database.is_empty() { "" } else { "/" };
        Ok(Self {
            whole: Zeroizing::new(text.to_string()),
            shown: format!("{scheme}{hosts}{slash}{database}"),
            hosts: hosts.to_string(),
            database: (!database.is_empty()).then_some(database),
        })
    }
}

/// `host`, `host:27017`, `[::1]:27017`.
fn has_right_port(host: &str) -> bool {
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    behind.split_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok())
}

/// Takes `%2F` and its like back.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        plain.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(plain).ok()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_in_is_not_shown() {
        let text = "mongodb://bot:s3cret%40@db1:27017,db2/bmc-cotizaciones?authSource=admin";
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), "mongodb://db1:27017,db2/bmc-cotizaciones");
        assert_eq!(address.database(), Some("bmc-cotizaciones"));
        assert!(!format!("{address:?}").contains("s3cret"));
    }

    #[test]
    fn hosts_may_have_ports() {
        for text in ["mongodb://h:1,i,j:65535/db", "mongodb://[::1]:27017", "mongodb://[::1]"] {
            assert!(text.parse::<Address>().is_ok(), "{text}");
        }
    }

    #[test]
    fn a_whole_server_has_no_database() {
        for text in ["mongodb://h", "mongodb://h/", "mongodb+srv://h/?tls=true", "mongodb://h?a=b"]
        {
            assert_eq!(text.parse::<Address>().unwrap().database(), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in [
            "mongodb://",
            "mongodb://u:secret@/db",
            "secret",
            "mongodb://h/a.secret",
            "mongodb://u:secret",
            "mongodb://u:secret/more@h/db",
            "mongodb://u:1?secret@h/db",
            "mongodb://u:secret/x@h",
            "mongodb://u:sec/ret@h/db?a=b",
            "mongodb://secret:y?x@h/db",
            "mongodb://u:secret/x?y=z@h",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
