//! A connection to a server, and how commands are run.

use super::error::in_words;
use super::reply::CursorReply;
use super::{Address, MongoError, Server, ServerKind};
use crate::codec::{DocumentBuilder, ElementType};
use crate::model::ClusterTime;
use bson::{Document, RawDocumentBuf, doc};
use futures_util::StreamExt;
use mongodb::Client;
use mongodb::error::ErrorKind;
use mongodb::options::ClientOptions;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long a server is looked for, where the address says nothing else.
const LOOKING_FOR: Duration = Duration::from_secs(10);

/// Before a question is asked again. Each time a server is looked for as well.
const WAITS_MILLISECONDS: [u64; 3] = [250, 1000, 3000];

/// An open connection. Cheap to clone; its copies share one pool.
#[derive(Clone)]
pub struct Connection {
    pub(super) runtime: Handle,
    pub(super) client: Client,
    address: Arc<Address>,
    server: Arc<Server>,
}

impl Connection {
    /// Connects, and finds out what kind of server it is. Refuses members of clusters that hold
    /// only a part.
    pub fn open(runtime: &Handle, address: &Address) -> Result<Self, MongoError> {
        runtime.block_on(async {
            let client = client(address).await?;
            let hello = first_answer(&client, address, doc! { "hello": 1 }).await?;
            let build = first_answer(&client, address, doc! { "buildInfo": 1 }).await?;
            let server = Server::new(&hello, &build)?;
            let (runtime, address) = (runtime.clone(), Arc::new(address.clone()));
            let connection = Self { runtime, client, address, server: Arc::new(server) };
            connection.refuse_shard().await?;
            Ok(connection)
        })
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The name under which its databases are kept: that of the replica set, else the hosts.
    pub fn name(&self) -> &str {
        match &self.server.kind {
            ServerKind::ReplicaSet { name } => name,
            ServerKind::Standalone | ServerKind::Router => self.address.hosts(),
        }
    }

    /// The newest moment: everything that was acknowledged before is in it. `None` where there
    /// are no snapshots.
    pub fn moment(&self) -> Result<Option<ClusterTime>, MongoError> {
        if !self.server.has_snapshots() {
            return Ok(None);
        }
        let what = "the time of the server";
        let hello = || self.run("admin", what, DocumentBuilder::new().int32("hello", 1));
        let hello = self.patiently(hello)?;
        let written = hello.get_document("lastWrite").and_then(|last| last.get_document("opTime"));
        let time = written.and_then(|time| time.get_timestamp("ts"));
        // A router has written nothing itself.
        let time = time.or_else(|_| hello.get_timestamp("operationTime"));
        match time {
            Ok(time) => Ok(Some(ClusterTime { seconds: time.time, increment: time.increment })),
            Err(error) => Err(MongoError::answer(what, error)),
        }
    }

    /// The id of the replica set; `None` where it may not be read.
    pub fn replica_set_id(&self) -> Option<Vec<u8>> {
        let command = DocumentBuilder::new().string("find", "system.replset").int32("limit", 1);
        let (found, _) = self.list("local", "the replica set", command).ok()?;
        let settings =
            crate::codec::Elements::new(found.first()?).ok()?.find(b"settings").ok()??;
        let id = settings.elements()?.ok()?.find(b"replicaSetId").ok()??;
        Some(id.value.to_vec())
    }

    /// The names of the databases that hold anything but the server's own affairs.
    pub fn databases(&self) -> Result<Vec<String>, MongoError> {
        let what = "the list of databases";
        let command = DocumentBuilder::new().int32("listDatabases", 1).boolean("nameOnly", true);
        let answer = self.patiently(|| self.run("admin", what, command.clone()))?;
        let listed = answer.get_array("databases").map_err(|e| MongoError::answer(what, e))?;
        let names =
            listed.iter().filter_map(|database| database.as_document()?.get_str("name").ok());
        let names = names.filter(|name| !matches!(*name, "local" | "config"));
        let mut names: Vec<String> = names.map(str::to_string).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Runs a command whose answer is small.
    pub(super) fn run(
        &self,
        database: &str,
        what: &str,
        command: DocumentBuilder,
    ) -> Result<Document, MongoError> {
        self.runtime.block_on(self.run_async(database, what, command))
    }

    /// Runs something that changes nothing, again while the server passes through a state in
    /// which it does not answer.
    pub(super) fn patiently<T>(
        &self,
        ask: impl Fn() -> Result<T, MongoError>,
    ) -> Result<T, MongoError> {
        for wait in WAITS_MILLISECONDS {
            match ask() {
                Err(error) if error.is_passing() => {
                    std::thread::sleep(Duration::from_millis(wait));
                }
                answer => return answer,
            }
        }
        ask()
    }

    pub(super) async fn run_async(
        &self,
        database: &str,
        what: &str,
        command: DocumentBuilder,
    ) -> Result<Document, MongoError> {
        let command = raw(what, command)?;
        let answer = self.client.database(database).run_raw_command(command).await;
        answer.map_err(|error| MongoError::of_command(what, &error))
    }

    /// Runs a cursor command to its end: all documents in memory. For catalogs.
    pub(super) fn list(
        &self,
        database: &str,
        what: &str,
        command: DocumentBuilder,
    ) -> Result<(Vec<Vec<u8>>, Option<ClusterTime>), MongoError> {
        let command = raw(what, command)?;
        self.patiently(|| self.list_once(database, what, command.clone()))
    }

    fn list_once(
        &self,
        database: &str,
        what: &str,
        command: RawDocumentBuf,
    ) -> Result<(Vec<Vec<u8>>, Option<ClusterTime>), MongoError> {
        let failed = |error| MongoError::of_command(what, &error);
        self.runtime.block_on(async {
            let database = self.client.database(database);
            let mut cursor =
                database.run_raw_cursor_command(command).batch().await.map_err(failed)?;
            let (mut documents, mut time) = (Vec::new(), None);
            while let Some(batch) = cursor.next().await {
                let batch = batch.map_err(failed)?;
                let reply = CursorReply::read(what, batch.as_raw_document().as_bytes())?;
                time = time.or(reply.at_cluster_time);
                for document in reply.documents(what) {
                    documents.push(document?.to_vec());
                }
            }
            Ok((documents, time))
        })
    }

    /// A member of a sharded cluster holds a part of the data, and may hold what is not its own.
    async fn refuse_shard(&self) -> Result<(), MongoError> {
        let ServerKind::ReplicaSet { .. } = self.server.kind else { return Ok(()) };
        let filter = DocumentBuilder::new().string("_id", "shardIdentity").finish();
        let command = DocumentBuilder::new()
            .string("find", "system.version")
            .document("filter", &filter)
            .int32("limit", 1);
        let answer = self.run_async("admin", "the server's own settings", command).await;
        // Who may not read this is no worse off than who need not.
        let Ok(answer) = answer else { return Ok(()) };
        let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        match batch.is_ok_and(|batch| !batch.is_empty()) {
            true => Err(MongoError::Refused(
                "it is one shard of a cluster, and holds only a part: name the cluster's mongos \
                 instead"
                    .to_string(),
            )),
            false => Ok(()),
        }
    }
}

pub(super) fn raw(what: &str, command: DocumentBuilder) -> Result<RawDocumentBuf, MongoError> {
    RawDocumentBuf::from_bytes(command.finish()).map_err(|error| MongoError::answer(what, error))
}

/// `readConcern` of a read at a moment; nothing without one.
pub(super) fn at_moment(command: DocumentBuilder, at: Option<ClusterTime>) -> DocumentBuilder {
    match at {
        None => command,
        Some(ClusterTime { seconds, increment }) => {
            let concern = DocumentBuilder::new().string("level", "snapshot").timestamp(
                "atClusterTime",
                seconds,
                increment,
            );
            command.raw(ElementType::Document, "readConcern", &concern.finish())
        }
    }
}

async fn client(address: &Address) -> Result<Client, MongoError> {
    let refused = |error: &mongodb::error::Error| MongoError::Address { why: in_words(error) };
    let mut options =
        ClientOptions::parse(address.whole()).await.map_err(|error| refused(&error))?;
    options.app_name.get_or_insert_with(|| "snap".to_string());
    options.server_selection_timeout.get_or_insert(LOOKING_FOR);
    Client::with_options(options).map_err(|error| refused(&error))
}

async fn first_answer(
    client: &Client,
    address: &Address,
    command: Document,
) -> Result<Document, MongoError> {
    let answer = client.database("admin").run_command(command).await;
    answer.map_err(|error| {
        let (address, why) = (address.to_string(), in_words(&error));
        match error.kind.as_ref() {
            ErrorKind::Authentication { message, .. } => {
                MongoError::Unwelcome { address, why: message.clone() }
            }
            _ => MongoError::Unreachable { address, why },
        }
    })
}
