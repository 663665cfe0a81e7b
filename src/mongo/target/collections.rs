//! Makes collections and views.

use crate::codec::DocumentBuilder;
use crate::mongo::reply::{elements, find, text};
use crate::mongo::{Connection, MongoError};

/// What is there under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Free,
    Collection {
        /// As the server gives them: one BSON document.
        options: Vec<u8>,
    },
    TimeSeries,
    View {
        /// As the server gives them: one BSON document.
        options: Vec<u8>,
    },
}

/// How long a collection keeps documents; held back until all are there.
const EXPIRY: &[u8] = b"expireAfterSeconds";

impl Connection {
    pub fn place(&self, database: &str, name: &str) -> Result<Place, MongoError> {
        let what = format!("what is at {database}.{name}");
        let filter = DocumentBuilder::new().string("name", name).finish();
        let command =
            DocumentBuilder::new().int32("listCollections", 1).document("filter", &filter);
        let (lines, _) = self.list(database, &what, command)?;
        let Some(line) = lines.first() else { return Ok(Place::Free) };
        let kind = find(&what, line, b"type")?.as_ref().and_then(text);
        let options = find(&what, line, b"options")?;
        let none = || DocumentBuilder::new().finish();
        let options = options.map_or_else(none, |options| options.value.to_vec());
        Ok(match kind.as_deref() {
            Some("view") => Place::View { options },
            Some("timeseries") => Place::TimeSeries,
            _ => Place::Collection { options },
        })
    }

    /// Gives a view that is there another definition: in one step, but where the collation is
    /// another, which no server changes.
    pub fn replace_view(
        &self,
        database: &str,
        name: &str,
        before: &[u8],
        options: &[u8],
    ) -> Result<(), MongoError> {
        let what = format!("cannot change the view {database}.{name}");
        let (old, new) = (elements(&what, before)?, elements(&what, options)?);
        let collation = |options: &[crate::codec::Element<'_>]| {
            let found = options.iter().find(|option| option.name == b"collation");
            found.map(|collation| collation.value.to_vec())
        };
        if collation(&old) != collation(&new) {
            self.drop_collection(database, name)?;
            return self.create(database, name, options);
        }
        let kept = new.iter().filter(|option| matches!(option.name, b"viewOn" | b"pipeline"));
        let command = DocumentBuilder::new().string("collMod", name);
        self.run(database, &what, kept.fold(command, DocumentBuilder::element)).map(drop)
    }

    /// Makes a collection, or a view, with these options; but what would let documents expire is
    /// left to [`Connection::let_expire`].
    pub fn create(&self, database: &str, name: &str, options: &[u8]) -> Result<(), MongoError> {
        let what = format!("cannot create {database}.{name}");
        let options = elements(&what, options)?;
        let kept = options.iter().filter(|option| option.name != EXPIRY && option.name != b"uuid");
        let command = DocumentBuilder::new().string("create", name);
        self.change(database, &what, kept.fold(command, DocumentBuilder::element)).map(drop)
    }

    /// Gives a capped collection the limits of these options. What it has beyond them stays until
    /// the next document comes. Servers before 6.0 cannot.
    pub fn limit_capped(
        &self,
        database: &str,
        name: &str,
        options: &[u8],
    ) -> Result<(), MongoError> {
        let what = format!("cannot make {database}.{name} as small as it was");
        let mut command = DocumentBuilder::new().string("collMod", name);
        for (option, change) in [(&b"size"[..], "cappedSize"), (b"max", "cappedMax")] {
            if let Some(limit) = find(&what, options, option)? {
                command = command.named(change, &limit);
            }
        }
        self.change(database, &what, command).map(drop)
    }

    /// Has a collection drop its documents after so many seconds, as its options say. `what` is
    /// the whole command, for people.
    pub fn let_expire(&self, database: &str, name: &str, options: &[u8]) -> Result<(), MongoError> {
        let what = format!("cannot let documents of {database}.{name} expire");
        match find(&what, options, EXPIRY)? {
            None => Ok(()),
            Some(expiry) => {
                let command = DocumentBuilder::new().string("collMod", name).element(&expiry);
                self.change(database, &what, command).map(drop)
            }
        }
    }

    /// Whether a document is there whose `field` is a date before `before` (milliseconds since
    /// 1970). May have to look at all of them.
    pub fn has_older(
        &self,
        database: &str,
        name: &str,
        field: &[u8],
        before: i64,
    ) -> Result<bool, MongoError> {
        let what = format!("the dates of {database}.{name}");
        let range = DocumentBuilder::new().date("$lt", before).finish();
        let filter = DocumentBuilder::new().document(field, &range).finish();
        let only = DocumentBuilder::new().int32("_id", 1).finish();
        let command = DocumentBuilder::new()
            .string("find", name)
            .document("filter", &filter)
            .document("projection", &only)
            .int32("limit", 1)
            .boolean("singleBatch", true);
        Ok(!self.list(database, &what, command)?.0.is_empty())
    }

    /// Takes a collection or view away; nothing happens if there is none.
    pub fn drop_collection(&self, database: &str, name: &str) -> Result<(), MongoError> {
        const NOT_FOUND: i32 = 26;
        let what = format!("cannot drop {database}.{name}");
        match self.change(database, &what, DocumentBuilder::new().string("drop", name)) {
            Err(error) if error.code() != Some(NOT_FOUND) => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives a collection another name in its database; what has that name goes, in one step.
    pub fn rename_over(&self, database: &str, from: &str, to: &str) -> Result<(), MongoError> {
        let what = format!("cannot put {database}.{to} in its place");
        let command = DocumentBuilder::new()
            .string("renameCollection", &format!("{database}.{from}"))
            .string("to", &format!("{database}.{to}"))
            .boolean("dropTarget", true);
        self.change("admin", &what, command).map(drop)
    }

    /// Makes a collection like [`Connection::create`], with the UUID that it had. Needs more
    /// rights than the role `restore` gives, and that no other collection has it.
    pub fn create_with_uuid(
        &self,
        database: &str,
        name: &str,
        options: &[u8],
        uuid: [u8; 16],
    ) -> Result<(), MongoError> {
        const UUID_SUBTYPE: u8 = 4;
        let what = format!("cannot create {database}.{name} with its UUID");
        let options = elements(&what, options)?;
        let kept = options.iter().filter(|option| option.name != EXPIRY && option.name != b"uuid");
        let create =
            kept.fold(DocumentBuilder::new().string("create", name), DocumentBuilder::element);
        let value = [&16_u32.to_le_bytes()[..], &[UUID_SUBTYPE], &uuid].concat();
        let operation = DocumentBuilder::new()
            .string("op", "c")
            .string("ns", &format!("{database}.$cmd"))
            .raw(crate::codec::ElementType::Binary, "ui", &value)
            .document("o", &create.finish())
            .finish();
        let command = DocumentBuilder::new().documents("applyOps", [&operation[..]]);
        self.change("admin", &what, command).map(drop)
    }

    /// Takes indexes away, by their names.
    pub fn drop_index(&self, database: &str, name: &str, index: &str) -> Result<(), MongoError> {
        let what = format!("cannot drop the index {index} of {database}.{name}");
        let command = DocumentBuilder::new().string("dropIndexes", name).string("index", index);
        self.change(database, &what, command).map(drop)
    }
}
