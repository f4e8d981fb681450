//! A Qdrant server as far as api-service speaks to it: its gRPC protocol on a
//! port of this machine, over the same engine in a folder. What a request has
//! that is not looked at here is refused, so that nothing is ignored silently.

mod protocol;
mod translate;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use qdrant_client::qdrant::{
    self, CollectionExists, CollectionExistsResponse, CollectionOperationResponse, CountResponse,
    CountResult, HealthCheckReply, PointsOperationResponse, QueryResponse, ScrollResponse,
    UpdateResult, collections_server::CollectionsServer, points_server::PointsServer,
    qdrant_server::QdrantServer as HealthServer,
};
use qdrant_edge::{
    CountRequest, CreateIndex, EdgeShard, FieldIndexOperations, PayloadFieldSchema,
    PayloadSchemaType, ScrollRequest, UpdateOperation, WithPayloadInterface, WithVector,
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// The server, which ends with this value.
pub struct QdrantServer {
    address: SocketAddr,
    /// Of its own, so that its end ends connections too.
    runtime: Option<Runtime>,
}

impl QdrantServer {
    pub async fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let bound = runtime.spawn(async { TcpListener::bind("127.0.0.1:0").await });
        let listener = bound.await.unwrap().unwrap();
        let address = listener.local_addr().unwrap();
        let engine = Arc::new(Engine {
            collections: Mutex::new(HashMap::new()),
            folder: tempfile::tempdir().unwrap(),
        });
        let most = 64 * 1024 * 1024;
        let points = PointsServer::from_arc(engine.clone()).max_decoding_message_size(most);
        let server = Server::builder()
            .add_service(HealthServer::from_arc(engine.clone()))
            .add_service(CollectionsServer::from_arc(engine))
            .add_service(points);
        runtime.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self {
            address,
            runtime: Some(runtime),
        }
    }

    /// Ends it; when this returns, no connection is left.
    pub async fn stop(mut self) {
        let runtime = self.runtime.take();
        let stopped = tokio::task::spawn_blocking(move || drop(runtime));
        stopped.await.unwrap();
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for QdrantServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The collections, each a shard of the engine.
pub struct Engine {
    /// Before the folder: shards are written to it when they go.
    collections: Mutex<HashMap<String, Collection>>,
    folder: tempfile::TempDir,
}

struct Collection {
    shard: EdgeShard,
    /// Fields that may be filtered by: a server in strict mode wants an index.
    fields: Vec<String>,
}

type Answer<T> = Result<Response<T>, Status>;

impl Engine {
    fn collections(&self) -> MutexGuard<'_, HashMap<String, Collection>> {
        self.collections.lock().unwrap()
    }

    /// Does something with a collection that must be there.
    fn within<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Collection) -> Result<T, Status>,
    ) -> Result<T, Status> {
        match self.collections().get_mut(name) {
            Some(collection) => work(collection),
            None => Err(Status::not_found(format!("collection {name}"))),
        }
    }

    fn update(&self, name: &str, operation: UpdateOperation) -> Answer<PointsOperationResponse> {
        self.within(name, |collection| {
            collection.shard.update(operation).map_err(failed)?;
            collection.shard.flush();
            Ok(done())
        })
    }

    pub(super) fn exists(&self, name: &str) -> CollectionExistsResponse {
        let exists = self.collections().contains_key(name);
        CollectionExistsResponse {
            result: Some(CollectionExists { exists }),
            time: 0.0,
        }
    }

    pub(super) fn make(
        &self,
        request: Request<qdrant::CreateCollection>,
    ) -> Answer<CollectionOperationResponse> {
        let request = request.into_inner();
        let name = request.collection_name.clone();
        let mut collections = self.collections();
        if collections.contains_key(&name) {
            return Err(Status::already_exists(name));
        }
        let folder = self.folder.path().join(&name);
        std::fs::create_dir(&folder)?;
        let shard = EdgeShard::new(&folder, translate::config(&request)?).map_err(failed)?;
        let fields = vec![];
        collections.insert(name, Collection { shard, fields });
        let (result, time) = (true, 0.0);
        Ok(Response::new(CollectionOperationResponse { result, time }))
    }

    pub(super) fn index_field(
        &self,
        request: Request<qdrant::CreateFieldIndexCollection>,
    ) -> Answer<PointsOperationResponse> {
        let request = request.into_inner();
        let kind = match request.field_type() {
            qdrant::FieldType::Keyword => PayloadSchemaType::Keyword,
            qdrant::FieldType::Integer => PayloadSchemaType::Integer,
            other => return Err(Status::unimplemented(other.as_str_name())),
        };
        let field_name = request.field_name.parse();
        let field_name = field_name.map_err(|()| Status::invalid_argument("field"))?;
        let index = FieldIndexOperations::CreateIndex(CreateIndex {
            field_name,
            field_schema: Some(PayloadFieldSchema::FieldType(kind)),
        });
        self.within(&request.collection_name, |collection| {
            collection.fields.push(request.field_name);
            Ok(())
        })?;
        let operation = UpdateOperation::FieldIndexOperation(index);
        self.update(&request.collection_name, operation)
    }

    pub(super) fn put(
        &self,
        request: Request<qdrant::UpsertPoints>,
    ) -> Answer<PointsOperationResponse> {
        let request = request.into_inner();
        waits(request.wait)?;
        let operation = translate::upsert(request.points)?;
        self.update(&request.collection_name, operation)
    }

    pub(super) fn take_out(
        &self,
        request: Request<qdrant::DeletePoints>,
    ) -> Answer<PointsOperationResponse> {
        let request = request.into_inner();
        waits(request.wait)?;
        let selector = request.points.and_then(|all| all.points_selector_one_of);
        let fields = self.fields(&request.collection_name)?;
        let operation = translate::delete(selector, &fields)?;
        self.update(&request.collection_name, operation)
    }

    pub(super) fn find(&self, request: Request<qdrant::QueryPoints>) -> Answer<QueryResponse> {
        let request = request.into_inner();
        let name = request.collection_name.clone();
        let query = translate::query(request, &self.fields(&name)?)?;
        let found = self.within(&name, |collection| {
            collection.shard.query(query).map_err(failed)
        })?;
        let result = found.iter().map(translate::scored).collect();
        Ok(Response::new(QueryResponse {
            result,
            ..QueryResponse::default()
        }))
    }

    pub(super) fn number(&self, request: Request<qdrant::CountPoints>) -> Answer<CountResponse> {
        let request = request.into_inner();
        let count = CountRequest {
            filter: None,
            exact: request.exact.unwrap_or(true),
        };
        let count = self.within(&request.collection_name, |collection| {
            collection.shard.count(count).map_err(failed)
        })?;
        let count = u64::try_from(count).unwrap();
        Ok(Response::new(CountResponse {
            result: Some(CountResult { count }),
            ..CountResponse::default()
        }))
    }

    pub(super) fn page(&self, request: Request<qdrant::ScrollPoints>) -> Answer<ScrollResponse> {
        let request = request.into_inner();
        let offset = request.offset.map(translate::point_id).transpose()?;
        let scroll = ScrollRequest {
            offset,
            limit: request.limit.map(|limit| limit as usize),
            filter: None,
            with_payload: Some(WithPayloadInterface::Bool(false)),
            with_vector: WithVector::Bool(false),
            order_by: None,
        };
        let (records, _) = self.within(&request.collection_name, |collection| {
            collection.shard.scroll(scroll).map_err(failed)
        })?;
        let result = records.iter().map(translate::retrieved).collect();
        Ok(Response::new(ScrollResponse {
            result,
            ..ScrollResponse::default()
        }))
    }

    fn fields(&self, name: &str) -> Result<Vec<String>, Status> {
        self.within(name, |collection| Ok(collection.fields.clone()))
    }
}

fn health() -> HealthCheckReply {
    HealthCheckReply {
        title: "a stand-in".to_owned(),
        version: "1.17.0".to_owned(),
        commit: None,
    }
}

fn done() -> Response<PointsOperationResponse> {
    let result = UpdateResult {
        operation_id: Some(0),
        status: qdrant::UpdateStatus::Completed.into(),
    };
    Response::new(PointsOperationResponse {
        result: Some(result),
        ..PointsOperationResponse::default()
    })
}

/// What does not wait may be lost.
fn waits(wait: Option<bool>) -> Result<(), Status> {
    match wait {
        Some(true) => Ok(()),
        _ => Err(Status::invalid_argument("a write that does not wait")),
    }
}

fn failed(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}
