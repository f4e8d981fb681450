//! The protocol's services: what is used of them, and that nothing else is.

use qdrant_client::qdrant::{
    self, collections_server::Collections, points_server::Points, qdrant_server::Qdrant,
};
use tonic::{Request, Response, Status};

use super::{Answer, Engine, health};

/// Implements a service: some methods, and the names of all others, which are
/// refused.
macro_rules! service {
    ($service:ident { $($used:tt)* } unused { $($name:ident($request:ident) -> $answer:ident;)* }) => {
        #[tonic::async_trait]
        impl $service for Engine {
            $($used)*
            $(async fn $name(&self, _: Request<qdrant::$request>) -> Answer<qdrant::$answer> {
                Err(Status::unimplemented(stringify!($name)))
            })*
        }
    };
}

service! {
    Points {
        async fn upsert(
            &self,
            request: Request<qdrant::UpsertPoints>,
        ) -> Answer<qdrant::PointsOperationResponse> {
            self.put(request)
        }
        async fn delete(
            &self,
            request: Request<qdrant::DeletePoints>,
        ) -> Answer<qdrant::PointsOperationResponse> {
            self.take_out(request)
        }
        async fn create_field_index(
            &self,
            request: Request<qdrant::CreateFieldIndexCollection>,
        ) -> Answer<qdrant::PointsOperationResponse> {
            self.index_field(request)
        }
        async fn scroll(
            &self,
            request: Request<qdrant::ScrollPoints>,
        ) -> Answer<qdrant::ScrollResponse> {
            self.page(request)
        }
        async fn count(
            &self,
            request: Request<qdrant::CountPoints>,
        ) -> Answer<qdrant::CountResponse> {
            self.number(request)
        }
        async fn query(
            &self,
            request: Request<qdrant::QueryPoints>,
        ) -> Answer<qdrant::QueryResponse> {
            self.find(request)
        }
    }
    unused {
        get(GetPoints) -> GetResponse;
        update_vectors(UpdatePointVectors) -> PointsOperationResponse;
        delete_vectors(DeletePointVectors) -> PointsOperationResponse;
        set_payload(SetPayloadPoints) -> PointsOperationResponse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
        query_batch(QueryBatchPoints) -> QueryBatchResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        facet(FacetCounts) -> FacetResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}

service! {
    Collections {
        async fn create(
            &self,
            request: Request<qdrant::CreateCollection>,
        ) -> Answer<qdrant::CollectionOperationResponse> {
            self.make(request)
        }
        async fn collection_exists(
            &self,
            request: Request<qdrant::CollectionExistsRequest>,
        ) -> Answer<qdrant::CollectionExistsResponse> {
            Ok(Response::new(self.exists(&request.get_ref().collection_name)))
        }
    }
    unused {
        get(GetCollectionInfoRequest) -> GetCollectionInfoResponse;
        list(ListCollectionsRequest) -> ListCollectionsResponse;
        update(UpdateCollection) -> CollectionOperationResponse;
        delete(DeleteCollection) -> CollectionOperationResponse;
        update_aliases(ChangeAliases) -> CollectionOperationResponse;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
        list_aliases(ListAliasesRequest) -> ListAliasesResponse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}

#[tonic::async_trait]
impl Qdrant for Engine {
    async fn health_check(
        &self,
        _: Request<qdrant::HealthCheckRequest>,
    ) -> Answer<qdrant::HealthCheckReply> {
        Ok(Response::new(health()))
    }
}
