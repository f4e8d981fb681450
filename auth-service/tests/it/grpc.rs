//! The gRPC surface, over a real port.

use std::time::Duration;

use auth_service::{
    app::{api_keys::NewApiKey, client::Client},
    grpc,
};
use proto::accounts::{
    BatchGetUsersRequest, GetUserRequest, MAX_BATCH, User, VerifyApiKeyRequest,
    VerifyApiKeyResponse, accounts_client::AccountsClient,
};
use tonic::{Code, Request};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::support::grpc::{Served, TOKEN, with_token};

fn get(id: &str) -> GetUserRequest {
    GetUserRequest { id: id.to_owned() }
}

#[tokio::test]
async fn an_account_is_found_by_its_id() {
    let served = Served::sqlite().await;
    let ada = served.sign_up("ada").await;
    let mut client = AccountsClient::new(served.channel().await);
    let answer = client.get_user(with_token(get(&ada), TOKEN)).await.unwrap();
    let expected = User {
        id: ada.clone(),
        email: "ada@example.com".to_owned(),
        name: "ada".to_owned(),
        role: "user".to_owned(),
        created_at_ms: crate::support::NOON,
        ..User::default()
    };
    assert_eq!(answer.into_inner().user, Some(expected));
    for unknown in ["018bcfe5-6800-7000-8000-00000000dead", "", "' OR 1=1", "\0"] {
        let error = client.get_user(with_token(get(unknown), TOKEN)).await;
        let error = error.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(error.metadata().get("error-code").unwrap(), "unknown_user");
    }
    served.app.disable(&ada).await;
    let gone = client.get_user(with_token(get(&ada), TOKEN)).await;
    assert_eq!(gone.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn many_accounts_come_in_the_order_asked_for() {
    let served = Served::sqlite().await;
    let (ada, bob) = (served.sign_up("ada").await, served.sign_up("bob").await);
    let mut client = AccountsClient::new(served.channel().await);
    let unknown = "018bcfe5-6800-7000-8000-00000000dead".to_owned();
    let ids = vec![
        bob.clone(),
        unknown,
        "no id".to_owned(),
        ada.clone(),
        bob.clone(),
    ];
    let request = with_token(BatchGetUsersRequest { ids }, TOKEN);
    let users = client.batch_get_users(request).await.unwrap();
    let found: Vec<String> = users
        .into_inner()
        .users
        .into_iter()
        .map(|user| user.id)
        .collect();
    assert_eq!(found, [bob.clone(), ada, bob.clone()]);
    for (count, allowed) in [(0, true), (MAX_BATCH, true), (MAX_BATCH + 1, false)] {
        let ids = vec![bob.clone(); count];
        let request = with_token(BatchGetUsersRequest { ids }, TOKEN);
        match client.batch_get_users(request).await {
            Ok(users) => assert!(allowed && users.into_inner().users.len() == count),
            Err(error) => assert!(!allowed && error.code() == Code::InvalidArgument),
        }
    }
}

#[tokio::test]
async fn an_api_key_is_verified_and_counted() {
    let served = Served::sqlite().await;
    let ada = served.sign_up("ada").await;
    let owner = served.app.app.user(&ada).await.unwrap();
    let mut new = NewApiKey::default();
    new.terms.expires_in = Some(Some(86_400));
    let app = &served.app.app;
    let made = app
        .make_api_key(&owner, new, &Client::default())
        .await
        .unwrap();
    let mut client = AccountsClient::new(served.channel().await);
    let asked = |key: &str, owed| {
        let key = key.to_owned();
        with_token(VerifyApiKeyRequest { key, owed }, TOKEN)
    };
    let verified = client.verify_api_key(asked(&made.secret, 6)).await.unwrap();
    let expected = VerifyApiKeyResponse {
        key_id: made.key.id.clone(),
        session_id: made.key.session_id.clone(),
        user_id: ada.clone(),
        role: "user".to_owned(),
        scopes: ["chat", "search", "documents:read", "documents:write"]
            .map(str::to_owned)
            .to_vec(),
        expires_at_ms: Some(crate::support::NOON + 86_400_000),
        uses_left: Some(993),
    };
    assert_eq!(verified.into_inner(), expected);
    let counted = app.api_key(&ada, &made.key.id).await.unwrap();
    assert_eq!(counted.request_count, 7);
    for unknown in ["", "\0", "' OR 1=1", &"Z".repeat(64), &"Z".repeat(10_000)] {
        let error = client.verify_api_key(asked(unknown, 1)).await.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(
            error.metadata().get("error-code").unwrap(),
            "invalid_api_key"
        );
        assert_eq!(
            error.message(),
            "The API key does not hold; make another one."
        );
    }
    served.app.clock.advance(86_400_000);
    let error = client
        .verify_api_key(asked(&made.secret, 1))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(
        error.metadata().get("error-code").unwrap(),
        "expired_api_key"
    );
}

#[tokio::test]
async fn nobody_asks_without_the_service_token() {
    let served = Served::sqlite().await;
    let ada = served.sign_up("ada").await;
    let mut client = AccountsClient::new(served.channel().await);
    let none = client.get_user(get(&ada)).await.unwrap_err();
    assert_eq!(none.code(), Code::Unauthenticated);
    let longer = format!("{TOKEN}0");
    for wrong in ["", "0123456789abcdef0123456789abcdee", &TOKEN[1..], &longer] {
        let error = client.get_user(with_token(get(&ada), wrong)).await;
        let error = error.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated);
        let code = error.metadata().get("error-code").unwrap();
        assert_eq!(code, "invalid_service_token");
    }
    let mut request = Request::new(get(&ada));
    let basic = format!("Basic {TOKEN}").parse().unwrap();
    request.metadata_mut().insert("authorization", basic);
    let basic = client.get_user(request).await.unwrap_err();
    assert_eq!(basic.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn health_and_reflection_need_no_token() {
    let served = Served::sqlite().await;
    let mut health = HealthClient::new(served.channel().await);
    for service in [grpc::SERVICE_NAME, ""] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let mut reflection = ServerReflectionClient::new(served.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let asked = tokio_stream::once(request);
    let mut answers = reflection.server_reflection_info(asked).await.unwrap();
    let answer = answers.get_mut().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("reflection answered something else");
    };
    let names: Vec<&str> = list.service.iter().map(|one| one.name.as_str()).collect();
    assert!(names.contains(&grpc::SERVICE_NAME), "{names:?}");
}

#[tokio::test]
async fn a_health_watch_does_not_hold_a_stop_up() {
    let served = Served::sqlite().await;
    let mut health = HealthClient::new(served.channel().await);
    let request = HealthCheckRequest {
        service: grpc::SERVICE_NAME.to_owned(),
    };
    let mut watch = health.watch(request).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    served.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), served.server).await;
    ended
        .expect("the server must stop while a health watch is open")
        .unwrap();
}
