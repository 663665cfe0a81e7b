//! What commands in the log do to the catalog.

use super::catalog::{BUCKETS, Catalog, Followed, Uuid, VIEWS};
use super::error::Fault;
use super::options::{change, fields, of_create, put_index, remove_index, without};
use crate::codec::{DocumentBuilder, Element, Elements};
use crate::model::ClusterTime;
use crate::mongo::oplog::{Command, Operation};

impl Catalog {
    /// Applies a command that counts from `at` on, and is change number `number`.
    pub(super) fn command(
        &mut self,
        operation: &Operation<'_>,
        command: &Command<'_>,
        (at, number): (ClusterTime, u64),
    ) -> Result<(), Fault> {
        let (database, _) = split(operation.namespace)?;
        let uuid = operation.uuid;
        let is_held = uuid.is_some_and(|uuid| self.holds(&uuid, at));
        match command {
            Command::Rename { to, dropped } => {
                return self.rename(operation, (to, *dropped), at);
            }
            _ if !self.has_database(database) => return Ok(()),
            Command::DropDatabase => {
                self.drop_database(database, at);
                return Ok(());
            }
            // It is there, and was so after that.
            Command::Create | Command::Drop | Command::Other(b"emptycapped") if is_held => {
                return Ok(());
            }
            Command::Create => return self.make(operation, database, number),
            Command::Drop if named(operation, b"drop")? == Some(VIEWS) => {
                self.drop_views(database);
                return Ok(());
            }
            _ => {}
        }
        let uuid = uuid.ok_or_else(|| Fault::Unknown("a command without a UUID".to_string()))?;
        match command {
            Command::Drop => self.drop(&uuid),
            Command::Other(b"dbCheck") => {}
            command => {
                let Some(followed) = self.collections.get_mut(&uuid) else { return Ok(()) };
                match command {
                    Command::ChangeOptions => change(followed, operation.object)?,
                    Command::Indexes(name) => indexes(followed, name, operation.object)?,
                    Command::Other(b"emptycapped") => {
                        followed.base = None;
                        followed.since = number;
                    }
                    other => {
                        let shown = match other {
                            Command::Other(name) => String::from_utf8_lossy(name).into_owned(),
                            other => format!("{other:?}"),
                        };
                        return Err(Fault::Unknown(format!("the command {shown}")));
                    }
                }
            }
        }
        Ok(())
    }

    fn make(
        &mut self,
        operation: &Operation<'_>,
        database: &str,
        number: u64,
    ) -> Result<(), Fault> {
        let name = named(operation, b"create")?.unwrap_or_default();
        if Elements::new(operation.object)?.find(b"viewOn")?.is_some() {
            let options = without(operation.object, &[b"create", b"idIndex"])?;
            return self.add_view(database, name, &options);
        }
        let uuid =
            operation.uuid.ok_or_else(|| Fault::Unknown("a collection without a UUID".into()))?;
        let id_index = Elements::new(operation.object)?.find(b"idIndex")?;
        let followed = Followed {
            database: database.to_string(),
            name: name.to_string(),
            options: of_create(operation.object)?,
            indexes: id_index.iter().map(|index| index.value.to_vec()).collect(),
            base: None,
            since: number,
            is_strict: true,
        };
        self.create(uuid, followed, number);
        Ok(())
    }

    fn rename(
        &mut self,
        operation: &Operation<'_>,
        (to, dropped): (&[u8], Option<Uuid>),
        at: ClusterTime,
    ) -> Result<(), Fault> {
        let (from, _) = split(operation.namespace)?;
        let (to_database, to_name) = split(to)?;
        if !self.has_database(from) && !self.has_database(to_database) {
            return Ok(());
        }
        if let Some(dropped) = dropped.filter(|dropped| !self.holds(dropped, at)) {
            self.drop(&dropped);
        }
        let uuid = operation.uuid;
        let uuid = uuid.ok_or_else(|| Fault::Unknown("a rename without a UUID".to_string()))?;
        if let Some(followed) = self.collections.get_mut(&uuid) {
            (followed.database, followed.name) = (to_database.to_string(), to_name.to_string());
            let stays = Elements::new(operation.object)?.find(b"stayTemp")?;
            if !stays.is_some_and(|stays| stays.is_true()) {
                followed.options = without(&followed.options, &[b"temp"])?;
            }
        } else {
            self.meet_stranger(uuid, &format!("{to_database}.{to_name}"));
            if let Some(name) = self.strangers.get_mut(&uuid) {
                *name = format!("{to_database}.{to_name}");
            }
        }
        Ok(())
    }
}

/// Builds and drops of indexes.
fn indexes(followed: &mut Followed, command: &[u8], object: &[u8]) -> Result<(), Fault> {
    let built = |object| -> Result<Vec<Vec<u8>>, Fault> {
        let list = Elements::new(object)?.find(b"indexes")?;
        let list = list.as_ref().and_then(Element::elements);
        let list = list.ok_or_else(|| Fault::Unknown("an index build without indexes".into()))?;
        Ok(list?.map(|index| index.map(|index| index.value.to_vec())).collect::<Result<_, _>>()?)
    };
    match command {
        b"createIndexes" => {
            let fields = fields(object)?;
            let specification = fields.iter().skip(1);
            let index = specification.fold(DocumentBuilder::new(), DocumentBuilder::element);
            put_index(&mut followed.indexes, index.finish())?;
        }
        // What counts is its end.
        b"startIndexBuild" => {}
        b"commitIndexBuild" => {
            for index in built(object)? {
                put_index(&mut followed.indexes, index)?;
            }
        }
        b"abortIndexBuild" => {
            for index in built(object)? {
                let name = Elements::new(&index)?.find(b"name")?;
                remove_index(&mut followed.indexes, name.map(|name| name.value))?;
            }
        }
        b"dropIndexes" | b"deleteIndexes" | b"dropIndex" | b"deleteIndex" => {
            let index = Elements::new(object)?.find(b"index")?;
            match index {
                Some(name) if name.text() == Some(b"*") => {
                    followed.indexes.retain(|index| crate::mongo::is_id_index(index));
                }
                Some(name) if name.text().is_some() => {
                    remove_index(&mut followed.indexes, Some(name.value))?;
                }
                _ => return Err(Fault::Unknown("a drop of indexes without a name".to_string())),
            }
        }
        other => {
            let other = String::from_utf8_lossy(other);
            return Err(Fault::Unknown(format!("the command {other}")));
        }
    }
    Ok(())
}

/// The text of the first field, the command's own.
fn named<'a>(operation: &Operation<'a>, command: &[u8]) -> Result<Option<&'a str>, Fault> {
    let name = Elements::new(operation.object)?.find(command)?;
    let name = name.as_ref().and_then(Element::text);
    Ok(name.and_then(|name| std::str::from_utf8(name).ok()))
}

/// `database.collection`
pub fn split(namespace: &[u8]) -> Result<(&str, &str), Fault> {
    let text = std::str::from_utf8(namespace).ok().and_then(|text| text.split_once('.'));
    text.ok_or_else(|| {
        Fault::Unknown(format!("the namespace {:?}", String::from_utf8_lossy(namespace)))
    })
}

/// The name that people know a collection by.
pub fn shown_name(name: &str) -> &str {
    name.strip_prefix(BUCKETS).unwrap_or(name)
}
