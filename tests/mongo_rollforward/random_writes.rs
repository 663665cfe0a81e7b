//! A writer that does everything that a client can, by chance.

use super::DATABASE;
use crate::mongo_diffs::made_up::{changed, document, operators, value};
use crate::support::{Chance, Mongod};
use bson::{Bson, DateTime, Document, doc};
use mongodb::ClientSession;
use std::collections::BTreeMap;

const NAMES: [&str; 5] = ["quotes", "users", "sessions", "größe", "a.b"];
const IDS: u64 = 60;

pub struct Writer<'a> {
    server: &'a Mongod,
    chance: Chance,
    /// A prepared transaction that waits.
    prepared: Option<(ClientSession, bson::Timestamp)>,
    /// How often each was done, and done well.
    done: BTreeMap<&'static str, (u64, u64)>,
}

type Done = Result<(), mongodb::error::Error>;

impl<'a> Writer<'a> {
    pub fn new(server: &'a Mongod, chance: Chance) -> Self {
        // Only when it is asked to.
        server.run("admin", doc! { "setParameter": 1, "ttlMonitorEnabled": false });
        server.run("admin", doc! { "setParameter": 1, "ttlMonitorSleepSecs": 1 });
        Self { server, chance, prepared: None, done: BTreeMap::new() }
    }

    pub fn seed(&self) -> u64 {
        self.chance.seed()
    }

    pub fn told(&self) -> String {
        let told = self.done.iter().map(|(what, (tried, done))| format!("{what} {done}/{tried}"));
        told.collect::<Vec<_>>().join(", ")
    }

    /// Does one thing.
    pub fn write(&mut self) {
        let (what, done) = match self.chance.below(100) {
            0..=17 => ("insert", self.insert()),
            18..=39 => ("update", self.update()),
            40..=47 => ("replace", self.replace()),
            48..=55 => ("delete", self.delete()),
            56..=57 => ("find and modify", self.find_and_modify()),
            58..=61 => ("transaction", self.transaction()),
            62 => ("large transaction", self.large_transaction()),
            63..=65 => ("prepared transaction", self.prepared()),
            66..=67 => ("retryable writes", self.retryable()),
            68..=70 => ("create", self.create()),
            71 => ("drop", self.drop()),
            72..=73 => ("rename", self.rename()),
            74 => ("rename across databases", self.rename_across()),
            75..=78 => ("collMod", self.change_options()),
            79..=81 => ("createIndexes", self.create_index()),
            82 => ("dropIndexes", self.drop_index()),
            83..=84 => ("capped", self.capped()),
            85 => ("convertToCapped", self.convert()),
            86..=88 => ("time series", self.series()),
            89..=91 => ("view", self.view()),
            92 => ("$out", self.out()),
            93 => ("$merge", self.merge()),
            94..=95 => ("applyOps", self.apply_operations()),
            96 => ("emptycapped", self.run(doc! { "emptycapped": "ring" })),
            97 => ("TTL", self.expire()),
            98 if self.chance.below(4) == 0 => ("dropDatabase", self.drop_database()),
            _ => ("clustered", self.clustered()),
        };
        let counted = self.done.entry(what).or_default();
        counted.0 += 1;
        counted.1 += u64::from(done.is_ok());
    }

    /// Ends what is open.
    pub fn stand_still(&mut self) {
        self.decide().unwrap();
    }

    fn run(&self, command: Document) -> Done {
        self.server.try_run(DATABASE, command).map(drop)
    }

    fn name(&mut self) -> &'static str {
        self.chance.of::<&'static str>(&NAMES)
    }

    fn id(&mut self) -> i32 {
        self.chance.below(IDS) as i32
    }

    fn insert(&mut self) -> Done {
        let count = 1 + self.chance.below(8);
        let documents: Vec<Document> = (0..count)
            .map(|_| {
                let id = self.id();
                let mut made = document(&mut self.chance, id);
                // Ids of other types, too.
                match self.chance.below(8) {
                    0 => drop(made.insert("_id", format!("id {id}"))),
                    1 => drop(made.insert("_id", doc! { "a": id, "b": f64::from(id) })),
                    2 => drop(made.insert("_id", f64::from(id))),
                    _ => {}
                }
                made
            })
            .collect();
        let name = self.name();
        self.run(doc! { "insert": name, "documents": documents, "ordered": false })
    }

    fn change(&mut self, id: i32) -> Bson {
        match self.chance.below(6) {
            0 => {
                let before = document(&mut self.chance, id);
                let literal = changed(&mut self.chance, &before, 0);
                Bson::Array(vec![doc! { "$replaceWith": { "$literal": literal } }.into()])
            }
            1 => {
                Bson::Array(vec![doc! { "$set": { "long": { "$concat": ["$long", "x"] } } }.into()])
            }
            _ => Bson::Document(operators(&mut self.chance)),
        }
    }

    fn update(&mut self) -> Done {
        let count = 1 + self.chance.below(6);
        let updates: Vec<Document> = (0..count)
            .map(|_| {
                let id = self.id();
                let change = self.change(id);
                let is_many = self.chance.below(5) == 0;
                let by = if is_many {
                    doc! { "_id": { "$lt": id } }
                } else {
                    doc! { "_id": id }
                };
                let is_upsert = !is_many && self.chance.below(4) == 0;
                doc! { "q": by, "u": change, "multi": is_many, "upsert": is_upsert }
            })
            .collect();
        let name = self.name();
        self.run(doc! { "update": name, "updates": updates, "ordered": false })
    }

    fn replace(&mut self) -> Done {
        let id = self.id();
        let update =
            doc! { "q": { "_id": id }, "u": document(&mut self.chance, id), "upsert": id % 3 == 0 };
        let name = self.name();
        self.run(doc! { "update": name, "updates": [update] })
    }

    fn delete(&mut self) -> Done {
        let id = self.id();
        let by = match self.chance.below(4) {
            0 => doc! { "_id": { "$gt": id, "$lt": id + 8 } },
            _ => doc! { "_id": id },
        };
        let name = self.name();
        self.run(doc! { "delete": name, "deletes": [{ "q": by, "limit": 0 }] })
    }

    fn find_and_modify(&mut self) -> Done {
        let (id, name) = (self.id(), self.name());
        match self.chance.below(2) {
            0 => self.run(doc! { "findAndModify": name, "query": { "_id": id }, "remove": true }),
            _ => {
                let change = self.change(id);
                self.run(doc! { "findAndModify": name, "query": { "_id": id }, "update": change })
            }
        }
    }

    /// Commands in a transaction; those that fail end it.
    fn in_transaction(&mut self, commands: Vec<Document>, is_committed: bool) -> Done {
        let server = self.server;
        server.runtime().block_on(async {
            let database = server.client().database(DATABASE);
            let mut session = server.client().start_session().await?;
            session.start_transaction().await?;
            for command in commands {
                database.run_command(command).session(&mut session).await?;
            }
            match is_committed {
                true => session.commit_transaction().await,
                false => session.abort_transaction().await,
            }
        })
    }

    fn commands(&mut self, count: u64) -> Vec<Document> {
        let mut commands = Vec::new();
        for _ in 0..count {
            let (id, name) = (self.id(), self.name());
            commands.push(match self.chance.below(4) {
                0 => doc! { "delete": name, "deletes": [{ "q": { "_id": id }, "limit": 1 }] },
                1 => {
                    let new = format!("t{}", self.chance.next());
                    doc! { "insert": name, "documents": [{ "_id": new, "n": id }] }
                }
                _ => {
                    let change = doc! { "$set": { "long": "changed", "n": id } };
                    let update = doc! { "q": { "_id": id }, "u": change, "upsert": true };
                    doc! { "update": name, "updates": [update] }
                }
            });
        }
        commands
    }

    fn transaction(&mut self) -> Done {
        let count = 1 + self.chance.below(10);
        let mut commands = self.commands(count);
        if self.chance.below(4) == 0 {
            let name = format!("made{}", self.chance.below(3));
            commands.push(doc! { "insert": name, "documents": [{ "made": "in a transaction" }] });
        }
        let is_committed = self.chance.below(4) != 0;
        self.in_transaction(commands, is_committed)
    }

    /// Of more operations than an entry holds.
    fn large_transaction(&mut self) -> Done {
        let mut commands = self.commands(10);
        for _ in 0..3 {
            let documents: Vec<Document> = (0..40)
                .map(|n| doc! { "_id": format!("l{}", self.chance.next()), "n": n })
                .collect();
            commands.push(doc! { "insert": self.name(), "documents": documents });
        }
        let is_committed = self.chance.below(3) != 0;
        self.in_transaction(commands, is_committed)
    }

    /// Begins and prepares one; other writes go on beside it.
    fn prepared(&mut self) -> Done {
        self.decide()?;
        let count = 1 + self.chance.below(4);
        let mut documents = Vec::new();
        for _ in 0..count * 20 {
            documents.push(doc! { "_id": format!("p{}", self.chance.next()) });
        }
        let name = self.name();
        let commands = vec![doc! { "insert": name, "documents": documents }];
        let server = self.server;
        self.prepared = server.runtime().block_on(async {
            let mut session = server.client().start_session().await?;
            session.start_transaction().await?;
            for command in commands {
                let database = server.client().database(DATABASE);
                database.run_command(command).session(&mut session).await?;
            }
            let admin = server.client().database("admin");
            let prepare = doc! { "prepareTransaction": 1 };
            let answer = admin.run_command(prepare).session(&mut session).await?;
            Ok::<_, mongodb::error::Error>(Some((
                session,
                answer.get_timestamp("prepareTimestamp").unwrap(),
            )))
        })?;
        // What would wait for its end is not done beside it.
        for id in 0..self.chance.below(5) {
            let beside = doc! { "_id": format!("b{}", self.chance.next()), "id": id as i32 };
            self.run(doc! { "insert": "beside", "documents": [beside] })?;
        }
        self.decide()
    }

    fn decide(&mut self) -> Done {
        let Some((mut session, at)) = self.prepared.take() else { return Ok(()) };
        let server = self.server;
        let is_committed = self.chance.below(3) != 0;
        server.runtime().block_on(async {
            let admin = server.client().database("admin");
            match is_committed {
                true => {
                    let commit = doc! { "commitTransaction": 1, "commitTimestamp": at };
                    admin.run_command(commit).session(&mut session).await.map(drop)
                }
                false => session.abort_transaction().await,
            }
        })
    }

    fn retryable(&mut self) -> Done {
        let name = self.name();
        let new: Vec<Document> =
            (0..5).map(|n| doc! { "_id": format!("r{}", self.chance.next()), "n": n }).collect();
        let server = self.server;
        server.runtime().block_on(async {
            let database = server.client().database(DATABASE);
            let collection = database.collection::<Document>(name);
            collection.insert_many(new).ordered(false).await?;
            collection.update_one(doc! {}, doc! { "$inc": { "again": 1 } }).await?;
            collection.delete_one(doc! { "again": { "$gt": 3 } }).await.map(drop)
        })
    }

    fn create(&mut self) -> Done {
        let name = self.name();
        let mut create = doc! { "create": name };
        match self.chance.below(4) {
            0 => drop(create.insert("collation", doc! { "locale": "en", "strength": 2 })),
            1 => drop(create.insert("validator", doc! { "never": { "$exists": false } })),
            2 => drop(create.insert("changeStreamPreAndPostImages", doc! { "enabled": true })),
            _ => {}
        }
        self.run(create)
    }

    fn drop(&mut self) -> Done {
        let name = *self.chance.of(&[NAMES[0], NAMES[3], NAMES[4], "out", "made0", "ring"]);
        self.run(doc! { "drop": name })
    }

    fn rename_to(&mut self, from: String, to: String) -> Done {
        let is_dropped = self.chance.below(2) == 0;
        let rename = doc! { "renameCollection": from, "to": to, "dropTarget": is_dropped };
        self.server.try_run("admin", rename).map(drop)
    }

    fn rename(&mut self) -> Done {
        let (from, to) = (self.name(), self.name());
        self.rename_to(format!("{DATABASE}.{from}"), format!("{DATABASE}.{to}"))
    }

    fn rename_across(&mut self) -> Done {
        let (from, to) = (self.name(), self.name());
        let databases = *self.chance.of(&[(DATABASE, "elsewhere"), ("elsewhere", DATABASE)]);
        self.rename_to(format!("{}.{from}", databases.0), format!("{}.{to}", databases.1))
    }

    fn change_options(&mut self) -> Done {
        let name = self.name();
        let seconds = 100_000 + self.chance.below(1000) as i32;
        let mut change = doc! { "collMod": name };
        match self.chance.below(10) {
            0 => drop(change.insert("validator", doc! { "gone": { "$exists": false } })),
            1 => drop(change.insert("validator", doc! {})),
            2 => drop(
                change.insert("validationLevel", *self.chance.of(&["off", "moderate", "strict"])),
            ),
            3 => drop(change.insert("validationAction", *self.chance.of(&["warn", "error"]))),
            4 => {
                let is_enabled = self.chance.below(2) == 0;
                change.insert("changeStreamPreAndPostImages", doc! { "enabled": is_enabled });
            }
            5 => {
                let index = doc! { "name": "at_1", "expireAfterSeconds": seconds };
                change.insert("index", index);
            }
            6 => {
                let is_hidden = self.chance.below(2) == 0;
                change.insert("index", doc! { "keyPattern": { "n": 1 }, "hidden": is_hidden });
            }
            7 => {
                change = doc! { "collMod": "series", "expireAfterSeconds": seconds };
            }
            8 => {
                let granularity = *self.chance.of(&["minutes", "hours"]);
                change = doc! { "collMod": "series", "timeseries": { "granularity": granularity } };
            }
            _ => {
                let most = self.chance.below(200) as i32;
                change = doc! { "collMod": "ring", "cappedSize": 8192 + seconds % 4096, "cappedMax": most };
            }
        }
        self.run(change)
    }

    fn create_index(&mut self) -> Done {
        let name = self.name();
        let index = match self.chance.below(8) {
            0 => doc! { "key": { "n": 1 }, "name": "n_1" },
            1 => doc! { "key": { "at": 1 }, "name": "at_1", "expireAfterSeconds": 90_000 },
            2 => doc! { "key": { "a.b": 1, "u": -1 }, "name": "ab", "sparse": true },
            3 => doc! { "key": { "$**": 1 }, "name": "all" },
            4 => doc! { "key": { "long": "text" }, "name": "words" },
            5 => doc! { "key": { "long": "hashed" }, "name": "hash" },
            // Some fail, for there are doubles.
            6 => doc! { "key": { "d": 1 }, "name": "unique", "unique": true },
            _ => {
                let filter = doc! { "n": { "$gt": 5 } };
                let collation = doc! { "locale": "de" };
                doc! { "key": { "l": 1 }, "name": "part", "partialFilterExpression": filter, "collation": collation }
            }
        };
        self.run(doc! { "createIndexes": name, "indexes": [index] })
    }

    fn drop_index(&mut self) -> Done {
        let name = self.name();
        let index = *self.chance.of(&["n_1", "at_1", "ab", "all", "words", "hash", "unique", "*"]);
        self.run(doc! { "dropIndexes": name, "index": index })
    }

    fn capped(&mut self) -> Done {
        drop(self.run(doc! { "create": "ring", "capped": true, "size": 8192, "max": 40 }));
        let documents: Vec<Document> = (0..1 + self.chance.below(10))
            .map(|_| doc! { "_id": self.chance.next() as i64, "n": self.chance.below(50) as i64, "pad": "0" })
            .collect();
        drop(self.run(doc! { "insert": "ring", "documents": documents }));
        let n = self.chance.below(50) as i64;
        let update = doc! { "q": { "n": n }, "u": { "$set": { "pad": "1" } } };
        drop(self.run(doc! { "update": "ring", "updates": [update] }));
        self.run(doc! { "delete": "ring", "deletes": [{ "q": { "n": n + 1 }, "limit": 1 }] })
    }

    fn convert(&mut self) -> Done {
        let name = self.name();
        let size = 20_000 + self.chance.below(90_000) as i32;
        self.run(doc! { "convertToCapped": name, "size": size })
    }

    fn series(&mut self) -> Done {
        if self.chance.below(12) == 0 {
            return self.run(doc! { "drop": "series" });
        }
        let options = doc! { "timeField": "at", "metaField": "m" };
        drop(self.run(doc! { "create": "series", "timeseries": options }));
        if self.chance.below(6) == 0 {
            let index = doc! { "key": { "m": 1, "at": 1 }, "name": "m_at" };
            return self.run(doc! { "createIndexes": "series", "indexes": [index] });
        }
        let second = self.chance.below(5000) as i64;
        let documents: Vec<Document> = (0..1 + self.chance.below(20) as i64)
            .map(|n| {
                let at = DateTime::from_millis(1_790_000_000_000 + (second + n) * 1000);
                doc! { "at": at, "m": n % 3, "v": value(&mut self.chance, 4) }
            })
            .collect();
        self.run(doc! { "insert": "series", "documents": documents })
    }

    fn view(&mut self) -> Done {
        let name = format!("view{}", self.chance.below(3));
        let on = self.name();
        let pipeline = [doc! { "$match": { "n": self.chance.below(9) as i32 } }];
        match self.chance.below(3) {
            0 => self.run(doc! { "drop": name }),
            1 => self.run(doc! { "collMod": name, "viewOn": on, "pipeline": pipeline.to_vec() }),
            _ => self.run(doc! { "create": name, "viewOn": on, "pipeline": pipeline.to_vec() }),
        }
    }

    fn aggregate(&mut self, last: Document) -> Done {
        let some = doc! { "$match": { "_id": { "$lt": self.id() } } };
        let name = self.name();
        self.run(doc! { "aggregate": name, "pipeline": [some, last], "cursor": {} })
    }

    fn out(&mut self) -> Done {
        let to = *self.chance.of(&["out", NAMES[1]]);
        self.aggregate(doc! { "$out": to })
    }

    fn merge(&mut self) -> Done {
        let into = self.name();
        self.aggregate(doc! { "$merge": { "into": into } })
    }

    fn apply_operations(&mut self) -> Done {
        let (id, name) = (self.id(), self.name());
        let namespace = format!("{DATABASE}.{name}");
        let made = document(&mut self.chance, id);
        let operations = match self.chance.below(3) {
            0 => vec![doc! { "op": "i", "ns": &namespace, "o": made }],
            1 => vec![
                doc! { "op": "u", "ns": &namespace, "o2": { "_id": id }, "o": { "$v": 2, "diff": { "i": { "z": id } } }, "b": true },
            ],
            _ => vec![
                doc! { "op": "u", "ns": &namespace, "o2": { "_id": id }, "o": made, "b": true },
                doc! { "op": "i", "ns": &namespace, "o": { "_id": format!("a{}", self.chance.next()) } },
                doc! { "op": "d", "ns": &namespace, "o": { "_id": id } },
            ],
        };
        self.server.try_run("admin", doc! { "applyOps": operations }).map(drop)
    }

    /// What the server deletes by itself.
    fn expire(&mut self) -> Done {
        let index = doc! { "key": { "gone": 1 }, "name": "gone", "expireAfterSeconds": 0 };
        self.run(doc! { "createIndexes": "expiring", "indexes": [index] })?;
        let past = DateTime::from_millis(1_000_000_000_000);
        let documents: Vec<Document> = (0..5).map(|_| doc! { "gone": past }).collect();
        self.run(doc! { "insert": "expiring", "documents": documents })?;
        self.run(doc! { "insert": "expiring", "documents": [{ "gone": "never" }] })?;
        let enable = |is: bool| doc! { "setParameter": 1, "ttlMonitorEnabled": is };
        self.server.run("admin", enable(true));
        loop {
            let count = doc! { "count": "expiring", "query": { "gone": past } };
            if self.server.run(DATABASE, count).get_i32("n").unwrap() == 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        self.server.run("admin", enable(false));
        Ok(())
    }

    fn drop_database(&mut self) -> Done {
        self.run(doc! { "dropDatabase": 1 })
    }

    fn clustered(&mut self) -> Done {
        let index = doc! { "key": { "_id": 1 }, "unique": true };
        drop(self.run(doc! { "create": "clustered", "clusteredIndex": index }));
        let documents = vec![document(&mut self.chance, 1), document(&mut self.chance, 2)];
        drop(self.run(doc! { "insert": "clustered", "documents": documents, "ordered": false }));
        let update = doc! { "q": {}, "u": operators(&mut self.chance) };
        self.run(doc! { "update": "clustered", "updates": [update] })
    }
}
