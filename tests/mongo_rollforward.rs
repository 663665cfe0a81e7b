//! A snapshot rolled forward by the server's log is what the server was then: for every moment at
//! which it stood still, whatever was written in between.

mod bases;
mod cli;
mod invariant;
mod random_writes;
mod special;

use crate::support::{Chance, Mongod, Role, backup_options, torture_time};
use bson::Document;
use random_writes::Writer;
use snapstore::codec::Secret;
use snapstore::format::RepositoryConfig;
use snapstore::model::{ClusterTime, Monitor, OsEntropy, Silent, Snapshot, SystemClock};
use snapstore::mongo::Connection;
use snapstore::ops::{
    ChangeLog, DatabaseRestore, DatabaseRestoreOptions, DatabaseSource, DatabasesBackup,
    FilesBackup, Forward, ForwardError, ForwardRequest, InPlaceOptions, ServerLog, Until, backup,
    roll_forward,
};
use snapstore::repo::{
    Credential, InitOptions, Repository, Surroundings, Writer as Host, init, open,
};
use snapstore::storage::MemoryStorage;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub const DATABASE: &str = "bot";

/// A repository in memory, and a server.
pub struct Scene<'a> {
    pub server: &'a Mongod,
    pub storage: Arc<MemoryStorage>,
    pub connection: Connection,
    folder: tempfile::TempDir,
}

/// A snapshot, and from where the log must be read to roll it forward.
#[derive(Clone)]
pub struct Base {
    pub snapshot: Snapshot,
    pub from: ClusterTime,
}

/// What the database was at a moment.
pub struct State {
    pub at: ClusterTime,
    pub hashes: Document,
    pub collections: Vec<Document>,
    pub indexes: BTreeMap<String, Vec<Document>>,
}

fn surroundings() -> Surroundings {
    let clock = Arc::new(SystemClock);
    Surroundings { clock, entropy: Arc::new(OsEntropy), cache: None, workers: 2 }
}

fn credential() -> Credential {
    Credential::KeyFile(Secret::new([7; 32]))
}

impl<'a> Scene<'a> {
    pub fn new(server: &'a Mongod) -> Self {
        let storage = Arc::new(MemoryStorage::new(Arc::new(SystemClock)));
        let config = RepositoryConfig::standard(Vec::new());
        let options = InitOptions { config, label: "test".to_owned() };
        init(storage.clone(), &credential(), options, surroundings()).unwrap();
        let address = server.address("").parse().unwrap();
        let connection = Connection::open(server.runtime().handle(), &address).unwrap();
        Self { server, storage, connection, folder: tempfile::tempdir().unwrap() }
    }

    /// Opened anew each time, as each command does.
    pub fn repository(&self) -> Arc<Repository> {
        let storage = self.storage.clone();
        Arc::new(open(storage, &credential(), None, surroundings()).unwrap())
    }

    pub fn backup(&self, from: Option<ClusterTime>) -> Base {
        let from = from.unwrap_or_else(|| self.now());
        let source = DatabaseSource {
            connection: self.connection.clone(),
            database: Some(DATABASE.to_owned()),
            collections: Vec::new(),
            excluded: Vec::new(),
            server_name: None,
        };
        let databases = DatabasesBackup { sources: vec![source], ..DatabasesBackup::default() };
        let options = backup_options(jiff::Timestamp::now());
        let (repository, files) = (self.repository(), FilesBackup::default());
        let report = backup(&repository, &files, &databases, &options, Arc::new(Silent)).unwrap();
        Base { snapshot: report.snapshot.unwrap(), from }
    }

    /// The time of the last write.
    pub fn now(&self) -> ClusterTime {
        let hello = self.server.run("admin", bson::doc! { "hello": 1 });
        let written = hello.get_document("lastWrite").unwrap().get_document("opTime").unwrap();
        let bson::Timestamp { time, increment } = written.get_timestamp("ts").unwrap();
        ClusterTime { seconds: time, increment }
    }

    /// What the server does by itself is waited for.
    pub fn state(&self) -> State {
        for _ in 0..20 {
            let at = self.now();
            let (hashes, collections, indexes) = self.look(DATABASE);
            if self.now() == at {
                return State { at, hashes, collections, indexes };
            }
        }
        panic!("somebody writes all the time");
    }

    fn look(&self, database: &str) -> (Document, Vec<Document>, BTreeMap<String, Vec<Document>>) {
        let collections = self.server.collections(database);
        let is_collection = |one: &&Document| one.get_str("type").unwrap() == "collection";
        let names = collections.iter().filter(is_collection);
        let indexes = names.map(|one| {
            let name = one.get_str("name").unwrap().to_owned();
            let indexes = self.server.indexes(database, &name);
            (name, indexes)
        });
        let indexes = indexes.collect();
        // There is no hash of a database without collections.
        let hashes = match collections.is_empty() {
            true => Document::new(),
            false => self.server.hashes(database),
        };
        (hashes, collections, indexes)
    }

    /// Where what came back is not what is there: the first document of each collection, and
    /// where that is in the log.
    fn unlike(&self, ours: &Document, theirs: &Document) -> String {
        let mut text = String::new();
        for (name, hash) in theirs.iter().filter(|(name, hash)| ours.get(*name) != Some(*hash)) {
            let [back, there] = ["back", DATABASE].map(|database| self.all(database, name));
            let first = back.iter().zip(&there).position(|(ours, theirs)| ours != theirs);
            let first = first.unwrap_or(back.len().min(there.len()));
            let options = self
                .server
                .batch(DATABASE, bson::doc! { "listCollections": 1, "filter": { "name": name } });
            text += &format!(
                "{name} {hash}: {} and {} documents; number {first}: ours {:?}, theirs {:?}; {:?}\n",
                back.len(),
                there.len(),
                back.get(first),
                there.get(first),
                options.first().map(|one| one.get("options").cloned()),
            );
            let id = there.get(first).and_then(|document| document.get("_id").ok().flatten());
            let id: Option<bson::Bson> = id.and_then(|id| id.try_into().ok());
            let about = bson::doc! { "$or": [{ "o2._id": id.clone() }, { "o._id": id }] };
            for entry in self.all_of("local", "oplog.rs", about).iter().rev().take(6) {
                text += &format!("    {entry:?}\n");
            }
        }
        text
    }

    fn all(&self, database: &str, name: &str) -> Vec<bson::RawDocumentBuf> {
        self.all_of(database, name, Document::new())
    }

    fn all_of(&self, database: &str, name: &str, filter: Document) -> Vec<bson::RawDocumentBuf> {
        self.server.runtime().block_on(async {
            use futures_util::StreamExt;
            let database = self.server.client().database(database);
            let collection = database.collection::<bson::RawDocumentBuf>(name);
            let found = collection.find(filter).await.unwrap();
            found.map(Result::unwrap).collect().await
        })
    }

    pub fn roll(
        &self,
        repository: &Arc<Repository>,
        base: &Base,
        until: Until,
        to: ClusterTime,
    ) -> Result<Forward, ForwardError> {
        let log = ServerLog { connection: &self.connection, from: base.from, to };
        let mut logs: BTreeMap<String, Box<dyn ChangeLog + '_>> = BTreeMap::new();
        logs.insert("rs0".to_owned(), Box::new(log));
        let (base, scratch) = (&base.snapshot, self.folder.path());
        let request = ForwardRequest { repository, base, rest: base, logs: &logs, until, scratch };
        roll_forward(&request, &Silent)
    }

    /// Restores what was rolled forward under another name.
    pub fn restore(&self, repository: &Arc<Repository>, snapshot: &Snapshot, into: &str) {
        let options = DatabaseRestoreOptions {
            into: Some(into.to_owned()),
            expire_at_once: true,
            ..DatabaseRestoreOptions::default()
        };
        let restore =
            DatabaseRestore::new(repository, snapshot, &self.connection, &options).unwrap();
        let place = InPlaceOptions {
            writer: Host::default(),
            host: snapshot.host.clone(),
            begun: jiff::Timestamp::now(),
            program: "test".to_owned(),
            journal: self.folder.path().join("journal"),
            spared: Vec::new(),
            left_out: None,
            more_follows: false,
        };
        let monitor: Arc<dyn Monitor> = Arc::new(Silent);
        let report = restore.run(&place, &monitor).unwrap();
        assert_eq!(report.failed, 0, "{report:?}");
    }

    /// That the base becomes the state.
    pub fn prove(&self, base: &Base, state: &State, what: &str) -> Forward {
        let repository = self.repository();
        let until = Until::Time(state.at);
        let forward = self.roll(&repository, base, until, self.now());
        let forward = forward.unwrap_or_else(|error| panic!("{what}: {error}"));
        self.restore(&repository, &forward.snapshot, "back");
        self.is_back(state, what);
        forward
    }

    /// That the database `back` is the state; then it goes.
    pub fn is_back(&self, state: &State, what: &str) {
        let (hashes, collections, indexes) = self.look("back");
        if hashes != state.hashes {
            panic!("{what}: {}", self.unlike(&hashes, &state.hashes));
        }
        let unlike =
            collections.iter().zip(&state.collections).find(|(ours, theirs)| ours != theirs);
        assert_eq!(unlike, None, "{what}");
        assert_eq!(collections.len(), state.collections.len(), "{what}");
        for (name, there) in &state.indexes {
            assert_eq!(sorted(&indexes[name]), sorted(there), "{what}: {name}");
        }
        self.server.run("back", bson::doc! { "dropDatabase": 1 });
    }
}

/// The fields of specifications come in any order.
fn sorted(indexes: &[Document]) -> Vec<BTreeMap<String, bson::Bson>> {
    let sorted = |index: &Document| {
        index.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    indexes.iter().map(sorted).collect()
}

#[test]
fn any_moment_comes_back_after_random_writes() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let cache = "cache_size=1GB";
    server.run("admin", bson::doc! { "setParameter": 1, "wiredTigerEngineRuntimeConfig": cache });
    let scene = Scene::new(&server);
    let mut writer = Writer::new(&server, Chance::of_this_run());
    let seed = writer.seed();
    let end = Instant::now() + torture_time();
    let (mut proved, mut changes, mut bases) = (0, 0, Vec::new());
    for _ in 0..40 {
        writer.write();
    }
    let mut round = 0;
    while Instant::now() < end || round < 3 {
        round += 1;
        if round % 4 == 1 {
            let base = std::thread::scope(|scope| {
                let backup = scope.spawn(|| scene.backup(None));
                while !backup.is_finished() {
                    writer.write();
                }
                backup.join().unwrap()
            });
            writer.stand_still();
            bases.push(base);
        }
        for _ in 0..30 {
            writer.write();
        }
        writer.stand_still();
        let state = scene.state();
        // The newest, and sometimes one before it.
        let newest = bases.len() - 1;
        let back = if round % 3 == 0 { 1.min(newest) } else { 0 };
        let what = format!("SNAP_SEED={seed} round {round}");
        let forward = scene.prove(&bases[newest - back], &state, &what);
        changes += forward.changes;
        assert_eq!(forward.left_out, Vec::<String>::new());
        proved += 1;
    }
    println!("{proved} moments, {changes} changes applied, {} bases", bases.len());
    println!("{}", writer.told());
}
