//! Between the protocol's messages and the engine's requests.

use std::collections::HashMap;

use qdrant_client::qdrant::{
    self, CreateCollection, PointId as WireId, PrefetchQuery, Query, QueryPoints, RetrievedPoint,
    ScoredPoint as WireScored, condition::ConditionOneOf, r#match::MatchValue,
    point_id::PointIdOptions, points_selector::PointsSelectorOneOf, query::Variant,
    vector::Vector as WireVector, vector_input, vectors::VectorsOptions, vectors_config,
};
use qdrant_edge::{
    AnyVariants, Condition, Distance, EdgeConfig, EdgeSparseVectorParams, EdgeVectorParams,
    FieldCondition, Filter, Fusion, Match, Modifier, NamedQuery, PointId, PointInsertOperations,
    PointOperations, PointStruct, Prefetch, QueryEnum, QueryRequest, Range, ScoringQuery,
    UpdateOperation, Vector, VectorInternal, Vectors, WithPayloadInterface, WithVector,
    external::{ordered_float::OrderedFloat, serde_json::Value, uuid::Uuid},
};
use tonic::Status;

fn wrong(what: &str) -> Status {
    Status::invalid_argument(what.to_owned())
}

pub fn config(request: &CreateCollection) -> Result<EdgeConfig, Status> {
    let vectors = request.vectors_config.as_ref();
    let Some(vectors_config::Config::ParamsMap(named)) =
        vectors.and_then(|config| config.config.as_ref())
    else {
        return Err(wrong("vectors without names"));
    };
    let dense = named.map.iter().map(|(name, params)| {
        assert_eq!(params.distance(), qdrant::Distance::Cosine);
        let size = usize::try_from(params.size).unwrap();
        let params = EdgeVectorParams::builder(size, Distance::Cosine).build();
        (name.clone(), params)
    });
    let sparse = request.sparse_vectors_config.as_ref();
    let sparse = sparse.ok_or_else(|| wrong("no sparse vectors"))?;
    let sparse = sparse.map.iter().map(|(name, params)| {
        assert_eq!(params.modifier(), qdrant::Modifier::Idf);
        let params = EdgeSparseVectorParams {
            full_scan_threshold: None,
            on_disk: None,
            modifier: Some(Modifier::Idf),
            datatype: None,
        };
        (name.clone(), params)
    });
    Ok(EdgeConfig {
        vectors: dense.collect(),
        sparse_vectors: sparse.collect(),
        ..EdgeConfig::default()
    })
}

pub fn upsert(points: Vec<qdrant::PointStruct>) -> Result<UpdateOperation, Status> {
    let points = points.into_iter().map(|point| {
        let id = point_id(point.id.ok_or_else(|| wrong("a point without an id"))?)?;
        let options = point.vectors.and_then(|vectors| vectors.vectors_options);
        let Some(VectorsOptions::Vectors(named)) = options else {
            return Err(wrong("vectors without names"));
        };
        let vectors = named.vectors.into_iter();
        let vectors = vectors.map(|(name, vector)| Ok((name, stored(vector)?)));
        let vectors = vectors.collect::<Result<HashMap<_, _>, Status>>()?;
        let payload = point
            .payload
            .into_iter()
            .map(|(key, value)| (key, plain(value)));
        let payload = Value::Object(payload.collect());
        Ok(PointStruct::new(id, Vectors::new_named(vectors), payload).into())
    });
    let points = points.collect::<Result<Vec<_>, Status>>()?;
    let list = PointInsertOperations::PointsList(points);
    Ok(UpdateOperation::PointOperation(
        PointOperations::UpsertPoints(list),
    ))
}

fn stored(vector: qdrant::Vector) -> Result<Vector, Status> {
    match vector.vector {
        Some(WireVector::Dense(dense)) => Ok(Vector::new_dense(dense.data)),
        Some(WireVector::Sparse(sparse)) => {
            Vector::new_sparse(sparse.indices, sparse.values).map_err(super::failed)
        }
        _ => Err(wrong("a kind of vector")),
    }
}

fn plain(value: qdrant::Value) -> Value {
    match value.kind {
        Some(qdrant::value::Kind::StringValue(text)) => Value::String(text),
        Some(qdrant::value::Kind::IntegerValue(number)) => Value::from(number),
        other => panic!("a payload of {other:?}"),
    }
}

pub fn delete(
    selector: Option<PointsSelectorOneOf>,
    fields: &[String],
) -> Result<UpdateOperation, Status> {
    let delete = match selector {
        Some(PointsSelectorOneOf::Points(list)) => {
            let ids = list
                .ids
                .into_iter()
                .map(point_id)
                .collect::<Result<_, _>>()?;
            PointOperations::DeletePoints { ids }
        }
        Some(PointsSelectorOneOf::Filter(wanted)) => {
            PointOperations::DeletePointsByFilter(filter(wanted, fields)?)
        }
        // A server may take no selector for all points.
        None => return Err(wrong("a deletion of everything")),
    };
    Ok(UpdateOperation::PointOperation(delete))
}

pub fn query(request: QueryPoints, fields: &[String]) -> Result<QueryRequest, Status> {
    let wanted = request.filter.map(|wanted| filter(wanted, fields));
    let prefetches = request.prefetch.into_iter();
    let prefetches = prefetches.map(|side| prefetch(side, fields));
    let query = request.query.ok_or_else(|| wrong("no query"))?;
    Ok(QueryRequest {
        prefetches: prefetches.collect::<Result<_, _>>()?,
        query: Some(scoring(query, request.using)?),
        filter: wanted.transpose()?,
        score_threshold: None,
        limit: usize::try_from(request.limit.unwrap_or(10)).unwrap(),
        offset: 0,
        params: None,
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(false),
    })
}

fn prefetch(side: PrefetchQuery, fields: &[String]) -> Result<Prefetch, Status> {
    let wanted = side.filter.map(|wanted| filter(wanted, fields));
    let query = side.query.ok_or_else(|| wrong("no query"))?;
    Ok(Prefetch {
        prefetches: vec![],
        query: Some(scoring(query, side.using)?),
        limit: usize::try_from(side.limit.unwrap_or(10)).unwrap(),
        params: None,
        filter: wanted.transpose()?,
        score_threshold: None,
    })
}

fn scoring(query: Query, using: Option<String>) -> Result<ScoringQuery, Status> {
    let input = match query.variant {
        Some(Variant::Nearest(input)) => input.variant,
        Some(Variant::Fusion(fusion)) => {
            assert_eq!(fusion, i32::from(qdrant::Fusion::Dbsf));
            return Ok(ScoringQuery::Fusion(Fusion::Dbsf));
        }
        Some(Variant::Rrf(rrf)) => {
            let k = rrf.k.ok_or_else(|| wrong("no k"))? as usize;
            return Ok(ScoringQuery::Fusion(Fusion::Rrf { k, weights: None }));
        }
        _ => return Err(wrong("a kind of query")),
    };
    let vector = match input {
        Some(vector_input::Variant::Dense(dense)) => VectorInternal::Dense(dense.data),
        Some(vector_input::Variant::Sparse(sparse)) => {
            let sparse = Vector::new_sparse(sparse.indices, sparse.values);
            sparse.map_err(super::failed)?.0
        }
        _ => return Err(wrong("a kind of vector")),
    };
    let using = using.ok_or_else(|| wrong("no name of a vector"))?;
    let nearest = QueryEnum::Nearest(NamedQuery::new(vector, using));
    Ok(ScoringQuery::Vector(nearest))
}

fn filter(wanted: qdrant::Filter, fields: &[String]) -> Result<Filter, Status> {
    let others = !wanted.should.is_empty() || !wanted.must_not.is_empty();
    if others || wanted.min_should.is_some() || wanted.must.is_empty() {
        return Err(wrong("a kind of filter"));
    }
    let must = wanted.must.into_iter();
    let must = must.map(|condition| match condition.condition_one_of {
        Some(ConditionOneOf::Field(field)) if fields.contains(&field.key) => held(field),
        _ => Err(wrong("a condition without an index")),
    });
    Ok(Filter {
        must: Some(must.collect::<Result<_, _>>()?),
        ..Filter::default()
    })
}

fn held(field: qdrant::FieldCondition) -> Result<Condition, Status> {
    let key = field.key.parse().map_err(|()| wrong("a field's name"))?;
    if let Some(range) = field.range {
        let range = Range {
            lt: range.lt.map(OrderedFloat),
            gt: range.gt.map(OrderedFloat),
            gte: range.gte.map(OrderedFloat),
            lte: range.lte.map(OrderedFloat),
        };
        return Ok(Condition::Field(FieldCondition::new_range(key, range)));
    }
    let words = match field.r#match.and_then(|value| value.match_value) {
        Some(MatchValue::Keyword(word)) => vec![word],
        Some(MatchValue::Keywords(words)) => words.strings,
        _ => return Err(wrong("a kind of condition")),
    };
    let any = AnyVariants::Strings(words.into_iter().collect());
    Ok(Condition::Field(FieldCondition::new_match(
        key,
        Match::new_any(any),
    )))
}

pub fn point_id(id: WireId) -> Result<PointId, Status> {
    match id.point_id_options {
        Some(PointIdOptions::Uuid(id)) => {
            let id = Uuid::parse_str(&id).map_err(|_| wrong("an id that is no UUID"))?;
            Ok(PointId::Uuid(id))
        }
        _ => Err(wrong("a kind of id")),
    }
}

pub fn scored(point: &qdrant_edge::ScoredPoint) -> WireScored {
    WireScored {
        id: Some(WireId::from(point.id.to_string())),
        score: point.score,
        ..WireScored::default()
    }
}

pub fn retrieved(record: &qdrant_edge::Record) -> RetrievedPoint {
    RetrievedPoint {
        id: Some(WireId::from(record.id.to_string())),
        ..RetrievedPoint::default()
    }
}
