"""CREATE MODEL against scikit-learn, over the flights."""

import adbc_driver_flightsql.dbapi as adbc
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from conftest import connect

FEATURES = ["dep_delay", "distance", "air_time", "hour"]
TRAINING = f"""
SELECT arr_delay, {", ".join(FEATURES)} FROM demo.flights
WHERE month <= 3 AND arr_delay IS NOT NULL
"""
HOLDOUT = f"""
SELECT month, day, carrier, flight, arr_delay, {", ".join(FEATURES)} FROM demo.flights
WHERE month = 4 AND arr_delay IS NOT NULL
"""


@pytest.fixture(scope="module")
def models(server):
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA models")
        cursor.execute("USE models")
        yield cursor
        cursor.execute("DROP SCHEMA models CASCADE")


@pytest.fixture(scope="module")
def linear(models):
    models.execute(
        "CREATE MODEL delay OPTIONS (algorithm => 'linear_regression', target => 'arr_delay') "
        f"AS {TRAINING}"
    )
    models.fetchall()
    return models


@pytest.fixture(scope="module")
def reference(duckdb_demo):
    rows = duckdb_demo.sql(TRAINING.replace("demo.", "")).fetchnumpy()
    return LinearRegression().fit(matrix(rows), np.asarray(rows["arr_delay"], dtype=float))


def matrix(columns):
    return np.column_stack([np.asarray(columns[name], dtype=float) for name in FEATURES])


def test_predictions_are_those_of_scikit_learn(linear, reference):
    linear.execute(f"SELECT * FROM ml_predict('delay', ({HOLDOUT}))")
    table = linear.fetch_arrow_table()
    assert len(table) > 25_000
    columns = {name: table[name].to_numpy() for name in FEATURES}
    expected = reference.predict(matrix(columns))
    found = table["predicted_arr_delay"].to_numpy()
    assert np.abs(found - expected).max() < 1e-4


def test_evaluation_is_that_of_scikit_learn(linear, reference, duckdb_demo):
    rows = duckdb_demo.sql(HOLDOUT.replace("demo.", "")).fetchnumpy()
    actual = np.asarray(rows["arr_delay"], dtype=float)
    residual = actual - reference.predict(matrix(rows))
    linear.execute(f"SELECT * FROM ml_evaluate('delay', ({HOLDOUT}))")
    metrics = dict(linear.fetchall())
    assert metrics["mse"] == pytest.approx(np.mean(residual**2), rel=1e-4)
    assert metrics["mae"] == pytest.approx(np.mean(np.abs(residual)), rel=1e-4)
    assert metrics["r2"] == pytest.approx(1 - np.mean(residual**2) / np.var(actual), rel=1e-4)
    assert metrics["rows"] == len(actual)


def test_a_condition_on_a_prediction_reaches_the_scan(linear):
    linear.execute(
        "EXPLAIN SELECT predicted_arr_delay FROM ml_predict('delay', (SELECT * FROM demo.flights)) "
        "WHERE month = 4 AND day = 5"
    )
    plan = "\n".join(str(row) for row in linear.fetchall())
    assert "month=4/" in plan
    assert "month=5/" not in plan


def test_models_are_shown_with_their_version(linear):
    linear.execute("SHOW MODELS")
    rows = linear.fetchall()
    assert any("delay" in map(str, row) for row in rows)


def test_a_model_is_not_replaced_by_accident(linear):
    sql = f"MODEL delay OPTIONS (algorithm => 'linear_regression', target => 'arr_delay') AS {TRAINING}"
    with pytest.raises(adbc.Error, match="delay"):
        linear.execute(f"CREATE {sql}")
    linear.execute(f"CREATE OR REPLACE {sql}")
    linear.fetchall()


@pytest.mark.parametrize(
    "options, query",
    [
        ("algorithm => 'no_such_algorithm', target => 'a'", "SELECT 1 AS a, 2 AS b"),
        ("algorithm => 'linear_regression'", "SELECT 1 AS a, 2 AS b"),
        ("algorithm => 'linear_regression', target => 'c'", "SELECT 1 AS a, 2 AS b"),
        ("algorithm => 'linear_regression', target => 'a', colour => 'red'", "SELECT 1 AS a, 2 AS b"),
        ("algorithm => 'linear_regression', target => 'a'", "SELECT 1 AS a, 2 AS b WHERE false"),
        ("algorithm => 'linear_regression', target => 'a'", "SELECT 1 / (1 - 1) AS a, 2 AS b"),
    ],
)
def test_a_failed_training_leaves_nothing(models, options, query):
    with pytest.raises(adbc.Error):
        models.execute(f"CREATE MODEL failed OPTIONS ({options}) AS {query}")
        models.fetchall()
    models.execute("SHOW MODELS")
    assert not any("failed" in map(str, row) for row in models.fetchall())


def test_a_training_that_takes_too_long_leaves_nothing(models):
    models.execute("SET SESSION query_max_run_time = '50ms'")
    try:
        with pytest.raises(adbc.Error, match="maximum run time of 50ms"):
            models.execute(
                "CREATE MODEL late OPTIONS (algorithm => 'kmeans', k => 8) "
                f"AS SELECT {', '.join(FEATURES)} FROM demo.flights WHERE air_time IS NOT NULL"
            )
            models.fetchall()
    finally:
        models.execute("RESET SESSION query_max_run_time")
    models.execute("SHOW MODELS")
    assert not any("late" in map(str, row) for row in models.fetchall())


def test_an_unknown_model_and_a_missing_feature_are_named(linear):
    with pytest.raises(adbc.Error, match="nowhere"):
        linear.execute(f"SELECT * FROM ml_predict('nowhere', ({HOLDOUT}))")
        linear.fetchall()
    with pytest.raises(adbc.Error, match="air_time"):
        linear.execute("SELECT * FROM ml_predict('delay', (SELECT 1 AS dep_delay, 2 AS distance, 3 AS hour))")
        linear.fetchall()


def test_kmeans_puts_each_row_into_a_cluster(models):
    models.execute(
        "CREATE MODEL groups OPTIONS (algorithm => 'kmeans', k => 3, seed => 1) AS "
        "SELECT lat, lon FROM demo.airports"
    )
    models.fetchall()
    models.execute(
        "SELECT cluster_id, count(*) FROM ml_predict('groups', (SELECT lat, lon FROM demo.airports)) "
        "GROUP BY cluster_id"
    )
    clusters = models.fetchall()
    assert len(clusters) == 3
    assert sum(count for _, count in clusters) == 1_458
