//! The vector index in a Qdrant server, over gRPC.

use std::time::Duration;

use async_trait::async_trait;
use qdrant_client::{
    Payload, Qdrant, QdrantError,
    qdrant::{
        Condition, CountPointsBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder,
        DeletePointsBuilder, Distance, FieldType, Filter, Fusion as ServerFusion,
        KeywordIndexParamsBuilder, Modifier, NamedVectors, PointId, PointStruct, PointsIdsList,
        PrefetchQueryBuilder, Query, QueryPoints, QueryPointsBuilder, Range, RrfBuilder,
        ScrollPointsBuilder, SparseVectorParamsBuilder, SparseVectorsConfigBuilder,
        UpsertPointsBuilder, Vector, VectorInput, VectorParamsBuilder, VectorsConfigBuilder,
        point_id::PointIdOptions,
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::points::{BASE, DENSE, DOCUMENT, PREFETCH, SPARSE, VERSION};
use crate::{
    app::ports::{IndexError, VectorIndex},
    domain::{
        chunk::ChunkId,
        document::DocumentId,
        index::{Fusion, Hit, IndexPoint, IndexQuery, Mode},
        knowledge_base::KnowledgeBaseId,
        principal::SearchScope,
    },
};

/// A collection in a Qdrant server.
pub struct QdrantIndex {
    client: Qdrant,
    collection: String,
}

/// Where the server is.
pub struct QdrantAddress {
    /// Its gRPC address, such as `http://localhost:6334`.
    pub url: String,
    /// The API key, if the server wants one.
    pub api_key: Option<SecretString>,
}

impl QdrantIndex {
    /// Connects to the server and makes the collection for vectors of this
    /// model where it is missing. Several processes may do so at once.
    pub async fn open(
        address: &QdrantAddress,
        fingerprint: &str,
        dimensions: usize,
    ) -> Result<Self, IndexError> {
        let index = Self {
            client: client(address)?,
            collection: collection(fingerprint),
        };
        if !index.client.collection_exists(&index.collection).await? {
            index.create(dimensions).await?;
        }
        index.index_fields().await?;
        Ok(index)
    }

    /// Removes the collection for vectors of this model; `false` where there is
    /// none.
    pub async fn remove(address: &QdrantAddress, fingerprint: &str) -> Result<bool, IndexError> {
        let (client, collection) = (client(address)?, collection(fingerprint));
        if !client.collection_exists(&collection).await? {
            return Ok(false);
        }
        client.delete_collection(&collection).await?;
        Ok(true)
    }

    async fn create(&self, dimensions: usize) -> Result<(), IndexError> {
        let size = u64::try_from(dimensions).unwrap_or(u64::MAX);
        let mut dense = VectorsConfigBuilder::default();
        dense.add_named_vector_params(DENSE, VectorParamsBuilder::new(size, Distance::Cosine));
        let mut sparse = SparseVectorsConfigBuilder::default();
        sparse.add_named_vector_params(
            SPARSE,
            SparseVectorParamsBuilder::default().modifier(Modifier::Idf),
        );
        let created = self
            .client
            .create_collection(
                CreateCollectionBuilder::new(&self.collection)
                    .vectors_config(dense)
                    .sparse_vectors_config(sparse),
            )
            .await;
        // Another replica may have made it between the question and now.
        if let Err(error) = created
            && !self.client.collection_exists(&self.collection).await?
        {
            return Err(error.into());
        }
        Ok(())
    }

    /// Indexes what is filtered by. That is done at every start: the process that
    /// made the collection may have died before.
    async fn index_fields(&self) -> Result<(), IndexError> {
        let tenant = KeywordIndexParamsBuilder::default().is_tenant(true);
        let fields = [
            CreateFieldIndexCollectionBuilder::new(&self.collection, BASE, FieldType::Keyword)
                .field_index_params(tenant),
            CreateFieldIndexCollectionBuilder::new(&self.collection, DOCUMENT, FieldType::Keyword),
            CreateFieldIndexCollectionBuilder::new(&self.collection, VERSION, FieldType::Integer),
        ];
        for field in fields {
            self.client.create_field_index(field.wait(true)).await?;
        }
        Ok(())
    }
}

fn client(address: &QdrantAddress) -> Result<Qdrant, IndexError> {
    let key = address.api_key.as_ref();
    Ok(Qdrant::from_url(&address.url)
        .api_key(key.map(|key| key.expose_secret().to_owned()))
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(20))
        .skip_compatibility_check()
        .build()?)
}

fn collection(fingerprint: &str) -> String {
    format!("lectern-{fingerprint}")
}

impl From<QdrantError> for IndexError {
    fn from(error: QdrantError) -> Self {
        Self(Box::new(error))
    }
}

#[async_trait]
impl VectorIndex for QdrantIndex {
    async fn upsert(&self, points: Vec<IndexPoint>) -> Result<(), IndexError> {
        if points.is_empty() {
            return Ok(());
        }
        let points: Vec<PointStruct> = points.into_iter().map(point).collect();
        self.client
            .upsert_points(UpsertPointsBuilder::new(&self.collection, points).wait(true))
            .await?;
        Ok(())
    }

    async fn delete_versions(
        &self,
        document: &DocumentId,
        upto_version: i64,
    ) -> Result<(), IndexError> {
        #[expect(clippy::cast_precision_loss, reason = "versions are small")]
        let upto = Range {
            lte: Some(upto_version as f64),
            ..Range::default()
        };
        let filter = Filter::must([
            Condition::matches(DOCUMENT, document.0.clone()),
            Condition::range(VERSION, upto),
        ]);
        let delete = DeletePointsBuilder::new(&self.collection)
            .points(filter)
            .wait(true);
        self.client.delete_points(delete).await?;
        Ok(())
    }

    async fn delete(&self, ids: &[ChunkId]) -> Result<(), IndexError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids = PointsIdsList {
            ids: ids.iter().map(point_id).collect(),
        };
        let delete = DeletePointsBuilder::new(&self.collection)
            .points(ids)
            .wait(true);
        self.client.delete_points(delete).await?;
        Ok(())
    }

    async fn delete_base(&self, base: &KnowledgeBaseId) -> Result<(), IndexError> {
        let filter = Filter::must([Condition::matches(BASE, base.0.clone())]);
        let delete = DeletePointsBuilder::new(&self.collection)
            .points(filter)
            .wait(true);
        self.client.delete_points(delete).await?;
        Ok(())
    }

    async fn settle(&self) -> Result<(), IndexError> {
        // The server does so by itself.
        Ok(())
    }

    async fn search(&self, query: IndexQuery, scope: &SearchScope) -> Result<Vec<Hit>, IndexError> {
        if scope.is_empty() {
            return Ok(vec![]);
        }
        let bases: Vec<String> = scope.bases().iter().map(|base| base.0.clone()).collect();
        let documents = scope.documents().map(|documents| {
            let documents = documents.iter().map(|document| document.0.clone());
            Condition::matches(DOCUMENT, documents.collect::<Vec<String>>())
        });
        let bases = Condition::matches(BASE, bases);
        let filter = Filter::must(std::iter::once(bases).chain(documents));
        let request = request(&self.collection, query, filter);
        let found = self.client.query(request).await?;
        let hits = found.result.into_iter().filter_map(|point| {
            let chunk_id = chunk_id(point.id?)?;
            Some(Hit {
                chunk_id,
                score: f64::from(point.score),
            })
        });
        Ok(hits.collect())
    }

    async fn count(&self) -> Result<u64, IndexError> {
        let request = CountPointsBuilder::new(&self.collection).exact(true);
        let counted = self.client.count(request).await?;
        Ok(counted.result.map_or(0, |result| result.count))
    }

    async fn ids(&self, after: Option<&ChunkId>, limit: usize) -> Result<Vec<ChunkId>, IndexError> {
        // The server begins at the offset, not after it.
        let wanted = u32::try_from(limit + 1).unwrap_or(u32::MAX);
        let mut request = ScrollPointsBuilder::new(&self.collection)
            .limit(wanted)
            .with_payload(false);
        if let Some(after) = after {
            request = request.offset(point_id(after));
        }
        let page = self.client.scroll(request).await?;
        let ids = page
            .result
            .into_iter()
            .filter_map(|point| chunk_id(point.id?));
        Ok(ids.filter(|id| Some(id) != after).take(limit).collect())
    }

    async fn is_up(&self) -> bool {
        let asked = self.client.health_check();
        matches!(
            tokio::time::timeout(Duration::from_secs(2), asked).await,
            Ok(Ok(_))
        )
    }
}

fn point(point: IndexPoint) -> PointStruct {
    let mut payload = Payload::new();
    payload.insert(BASE, point.knowledge_base_id.0);
    payload.insert(DOCUMENT, point.document_id.0);
    payload.insert(VERSION, point.version);
    let vectors = NamedVectors::default()
        .add_vector(DENSE, Vector::new_dense(point.dense))
        .add_vector(
            SPARSE,
            Vector::new_sparse(point.sparse.indices, point.sparse.values),
        );
    PointStruct::new(point_id(&point.chunk_id), vectors, payload)
}

fn request(collection: &str, query: IndexQuery, filter: Filter) -> QueryPoints {
    let limit = u64::try_from(query.limit).unwrap_or(u64::MAX);
    let dense = Query::new_nearest(VectorInput::new_dense(query.dense));
    let sparse = Query::new_nearest(VectorInput::new_sparse(
        query.sparse.indices,
        query.sparse.values,
    ));
    let base = QueryPointsBuilder::new(collection)
        .limit(limit)
        .with_payload(false);
    match query.mode {
        Mode::Dense => base.query(dense).using(DENSE).filter(filter).build(),
        Mode::Sparse => base.query(sparse).using(SPARSE).filter(filter).build(),
        Mode::Hybrid(fusion) => {
            let side = |query: Query, using: &str| {
                PrefetchQueryBuilder::default()
                    .query(query)
                    .using(using)
                    .filter(filter.clone())
                    .limit(limit * PREFETCH as u64)
            };
            base.add_prefetch(side(dense, DENSE))
                .add_prefetch(side(sparse, SPARSE))
                .query(server_fusion(fusion))
                .build()
        }
    }
}

fn server_fusion(fusion: Fusion) -> Query {
    match fusion {
        Fusion::Rrf(k) => Query::new_rrf(RrfBuilder::with_k(k)),
        Fusion::Dbsf => Query::new_fusion(ServerFusion::Dbsf),
    }
}

fn point_id(id: &ChunkId) -> PointId {
    PointId::from(id.0.clone())
}

fn chunk_id(id: PointId) -> Option<ChunkId> {
    match id.point_id_options? {
        PointIdOptions::Uuid(id) => Some(ChunkId(id)),
        PointIdOptions::Num(_) => None,
    }
}
