//! Locations outside the allow-list are refused, whatever the spelling.

use quern_common::ErrorCode;
use quern_tests::process::serve;

#[tokio::test]
async fn a_location_outside_the_allow_list_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("lake");
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(inside.join("sub")).unwrap();
    std::os::unix::fs::symlink(outside.path(), inside.join("link")).unwrap();
    let allowed = inside.to_string_lossy().into_owned();
    let server = serve(dir.path(), &["--allow-location", &allowed]).unwrap();
    let connection = server.connect().await.unwrap();

    let fine = format!("CREATE TABLE fine (a bigint) WITH (external_location = '{allowed}/sub')");
    connection.execute(&fine).await.unwrap();
    connection.execute("CREATE TABLE in_the_warehouse (a bigint)").await.unwrap();
    connection.execute("SELECT * FROM in_the_warehouse").await.unwrap();
    let spellings = [
        "file:///etc/".to_owned(),
        "/etc".to_owned(),
        outside.path().to_string_lossy().into_owned(),
        format!("{allowed}/../"),
        format!("{allowed}/sub/%2e%2e/%2e%2e/"),
        format!("file://{allowed}/%2e%2e/other"),
        format!("{allowed}/link"),
        format!("{allowed}x"),
        "s3://bucket/x".to_owned(),
    ];
    for location in spellings {
        let sql = format!("CREATE TABLE bad (a bigint) WITH (external_location = '{location}')");
        let err = connection.execute(&sql).await.map(|_| ()).unwrap_err();
        assert_eq!(err.code(), ErrorCode::PermissionDenied, "{location}: {err}");
    }
}
