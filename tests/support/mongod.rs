//! A real MongoDB server of a test's own: on the loopback, with a data directory of its own, ended
//! with the test.

use super::not_run;
use bson::{Document, doc};
use mongodb::Client;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const STARTING: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The only member of `rs0`.
    ReplicaSet,
    Standalone,
    /// A standalone that wants to know who is there: `root`, and `restorer`, who may restore and
    /// read nothing. The passwords are the names.
    Accounts,
    /// The only member of `rs0`, which wants to know who is there: `root`, `keeper`, who may back
    /// up, `reader`, who may read the database `bot`, and `restorer`.
    GuardedSet,
}

pub struct Mongod {
    process: Child,
    port: u16,
    runtime: Runtime,
    client: Client,
    data: tempfile::TempDir,
}

impl Mongod {
    /// Starts a server; `None`, said loudly, where there is no `mongod` (`tests/run` gets one).
    pub fn start(role: Role) -> Option<Self> {
        let Some(program) = program() else {
            not_run("there is no mongod; tests/run gets one, or set SNAP_TEST_MONGOD");
            return None;
        };
        // Another process may take the port before the server does.
        let started = (0..5).find_map(|_| Self::try_start(&program, role));
        Some(started.expect("mongod starts"))
    }

    fn try_start(program: &Path, role: Role) -> Option<Self> {
        let data = tempfile::Builder::new().prefix("snap-test-mongod-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = spawn(program, data.path(), port, role);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let address = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        let client = runtime.block_on(async { Client::with_uri_str(address).await.unwrap() });
        let mut server = Self { process, port, runtime, client, data };
        let is_there = server.wait_until_there(role);
        if is_there && matches!(role, Role::Accounts | Role::GuardedSet) {
            server.make_accounts(role);
        }
        is_there.then_some(server)
    }

    fn make_accounts(&mut self, role: Role) {
        let reader = doc! { "role": "read", "db": "bot" };
        let mut accounts: Vec<(&str, bson::Bson)> =
            vec![("root", "root".into()), ("restorer", "restore".into())];
        if role == Role::GuardedSet {
            accounts.extend([("keeper", "backup".into()), ("reader", reader.into())]);
        }
        for (name, role) in accounts {
            let create = doc! { "createUser": name, "pwd": name, "roles": [role] };
            self.run("admin", create);
            // The first one may be made by anybody here, the others by that one.
            let address = self.address_of("root", "");
            self.client =
                self.runtime.block_on(async { Client::with_uri_str(address).await.unwrap() });
        }
    }

    /// The address with an account's name and password.
    pub fn address_of(&self, account: &str, database: &str) -> String {
        let port = self.port;
        format!("mongodb://{account}:{account}@127.0.0.1:{port}/{database}?authSource=admin")
    }

    /// Ends the server as it should be ended, and starts it again on the same data.
    pub fn restart(&mut self, role: Role) {
        self.restart_after(role, |_| ());
    }

    fn restart_after(&mut self, role: Role, change: impl FnOnce(&Path)) {
        // It ends in place of an answer.
        drop(self.try_run("admin", doc! { "shutdown": 1, "force": true }));
        self.process.wait().unwrap();
        change(self.data.path());
        let program = program().expect("there was a mongod");
        self.process = spawn(&program, self.data.path(), self.port, role);
        assert!(self.wait_until_there(role), "mongod starts again");
    }

    /// Ends the server, puts a copy of its data aside, and starts it again.
    pub fn copy_data(&mut self) -> tempfile::TempDir {
        let copy = tempfile::Builder::new().prefix("snap-test-copy-").tempdir().unwrap();
        self.restart_after(Role::ReplicaSet, |data| copy_files(data, copy.path()));
        copy
    }

    /// Ends the server, and starts it again on a copy of its data.
    pub fn put_back_data(&mut self, copy: &Path) {
        self.restart_after(Role::ReplicaSet, |data| {
            std::fs::remove_dir_all(data).unwrap();
            std::fs::create_dir(data).unwrap();
            copy_files(copy, data);
        });
    }

    /// Has the primary give way, and waits until it is elected again.
    pub fn elect_again(&mut self) {
        drop(self.try_run("admin", doc! { "replSetStepDown": 1, "force": true }));
        assert!(self.wait_until_there(Role::ReplicaSet), "it is elected again");
    }

    /// Kills the server where it is, and starts it again on the same data.
    pub fn restart_killed(&mut self, role: Role) {
        self.kill();
        let program = program().expect("there was a mongod");
        self.process = spawn(&program, self.data.path(), self.port, role);
        assert!(self.wait_until_there(role), "mongod starts again");
    }

    /// False if the process ended meanwhile.
    fn wait_until_there(&mut self, role: Role) -> bool {
        let end = Instant::now() + STARTING;
        let mut is_initiated = !matches!(role, Role::ReplicaSet | Role::GuardedSet);
        while Instant::now() < end {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if !is_initiated {
                let member = doc! { "_id": 0, "host": format!("127.0.0.1:{}", self.port) };
                let set = doc! { "_id": "rs0", "members": [member] };
                is_initiated = self.try_run("admin", doc! { "replSetInitiate": set }).is_ok();
            }
            let hello = self.try_run("admin", doc! { "hello": 1 });
            if hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("mongod does not come up");
    }

    /// `mongodb://127.0.0.1:port/database`.
    pub fn address(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.port)
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn try_run(
        &self,
        database: &str,
        command: Document,
    ) -> Result<Document, mongodb::error::Error> {
        self.runtime.block_on(async { self.client.database(database).run_command(command).await })
    }

    /// Runs a command that must succeed, also as to what it writes.
    #[track_caller]
    pub fn run(&self, database: &str, command: Document) -> Document {
        let answer = self.try_run(database, command).unwrap();
        assert!(!answer.contains_key("writeErrors"), "{answer}");
        answer
    }

    /// A hash of each collection's documents, by name.
    pub fn hashes(&self, database: &str) -> Document {
        let answer = self.run(database, doc! { "dbHash": 1 });
        let mut hashes = answer.get_document("collections").unwrap().clone();
        // Views are named with their database there.
        hashes.remove("system.views");
        hashes
    }

    /// `listCollections`, without what differs from one database to another.
    pub fn collections(&self, database: &str) -> Vec<Document> {
        let mut listed = self.batch(database, doc! { "listCollections": 1 });
        listed.retain(|listed| listed.get_str("name").unwrap() != "system.views");
        for listed in &mut listed {
            listed.get_document_mut("info").unwrap().remove("uuid");
        }
        listed.sort_by_key(|listed| listed.get_str("name").unwrap().to_string());
        listed
    }

    /// `listIndexes`, sorted by name.
    pub fn indexes(&self, database: &str, collection: &str) -> Vec<Document> {
        let mut listed = self.batch(database, doc! { "listIndexes": collection });
        listed.sort_by_key(|listed| listed.get_str("name").unwrap().to_string());
        listed
    }

    /// The first batch of a cursor command.
    #[track_caller]
    pub fn batch(&self, database: &str, command: Document) -> Vec<Document> {
        let answer = self.run(database, command);
        let batch = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
        batch.iter().map(|document| document.as_document().unwrap().clone()).collect()
    }

    /// Inserts a document given as bytes.
    pub fn insert_raw(&self, database: &str, collection: &str, document: &[u8]) {
        use snapstore::codec::DocumentBuilder;
        let command = DocumentBuilder::new()
            .string("insert", collection)
            .documents("documents", [document])
            .finish();
        let command = bson::RawDocumentBuf::from_bytes(command).unwrap();
        let answer = self.runtime.block_on(async {
            self.client.database(database).run_raw_command(command).await.unwrap()
        });
        assert!(!answer.contains_key("writeErrors"), "{answer}");
    }

    /// Kills the server where it is.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Copies the files below a folder, but for the lock of the server that runs there.
fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_files(&entry.path(), &target);
        } else if entry.file_name() != "mongod.lock" {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn spawn(program: &Path, data: &Path, port: u16, role: Role) -> Child {
    let mut command = Command::new(program);
    command.args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet", "--port"]);
    command.arg(port.to_string()).arg("--dbpath").arg(data);
    command.args(["--wiredTigerCacheSizeGB", "0.25"]);
    command.args(["--setParameter", "diagnosticDataCollectionEnabled=false"]);
    // A transaction of more is several entries of the log.
    let most = "maxNumberOfTransactionOperationsInSingleOplogEntry=50";
    command.args(["--setParameter", most]);
    // For `failCommand`, which breaks connections when a test asks for it.
    command.args(["--setParameter", "enableTestCommands=1"]);
    if role == Role::Accounts {
        command.arg("--auth");
    }
    if matches!(role, Role::ReplicaSet | Role::GuardedSet) {
        command.args(["--replSet", "rs0", "--oplogSize", "64"]);
    }
    if role == Role::GuardedSet {
        // Members of a set know each other by what is in it.
        let key = data.join("members.key");
        std::fs::write(&key, "c25hcHRlc3Rz").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        command.arg("--keyFile").arg(key);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// `SNAP_TEST_MONGOD`, the one in the `PATH`, or the one that `tests/run` has put into the build
/// directory.
fn program() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("SNAP_TEST_MONGOD") {
        return Some(program.into());
    }
    let path = std::env::var_os("PATH")?;
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("mongod"));
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    in_path.chain([build.join("mongod/mongod")]).find(|program| program.is_file())
}
