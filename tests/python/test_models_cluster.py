"""Models trained by two executors: the same numbers as in process, and those of scikit-learn."""

import csv
import json

import adbc_driver_flightsql.dbapi as adbc
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression

from conftest import connect, wait_until
from quern_cluster import Cluster
from quern_process import PROJECT
from sql_script import register_demo

FIXTURES = PROJECT / "ml/tests/fixtures"
FILES_PER_TABLE = 4
FLIGHTS = (
    "FROM demo.flights WHERE month <= 2 AND arr_delay IS NOT NULL AND dep_delay IS NOT NULL "
    "AND air_time IS NOT NULL"
)

# name: options, training query
MODELS = {
    "flights_linear": (
        "algorithm => 'linear_regression', target => 'arr_delay'",
        f"SELECT arr_delay, dep_delay, distance, air_time, hour {FLIGHTS}",
    ),
    "flights_logistic": (
        "algorithm => 'logistic_regression', target => 'late', l2 => 1",
        "SELECT CASE WHEN arr_delay > 15 THEN 1 ELSE 0 END AS late, "
        f"dep_delay / 60.0 AS dep_hours, distance / 1000.0 AS kmiles, air_time / 60.0 AS air_hours {FLIGHTS}",
    ),
    "flights_kmeans": (
        "algorithm => 'kmeans', k => 3, seed => 7",
        f"SELECT dep_delay, distance AS miles, air_time {FLIGHTS}",
    ),
    "diabetes": (
        "algorithm => 'linear_regression', target => 'progression'",
        "SELECT * FROM sklearn.diabetes",
    ),
    "cancer": (
        "algorithm => 'logistic_regression', target => 'diagnosis', l2 => 1",
        "SELECT mean_radius, mean_texture, mean_smoothness, diagnosis FROM sklearn.breast_cancer",
    ),
    "iris": (
        "algorithm => 'kmeans', k => 3, seed => 7, standardize => false",
        "SELECT sepal_length, sepal_width, petal_length, petal_width FROM sklearn.iris",
    ),
}

SUPERVISED = [name for name, (options, _) in MODELS.items() if "target" in options]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    data_sets, folder = tmp_path_factory.mktemp("sklearn"), tmp_path_factory.mktemp("models")
    allowed = [flag for path in [PROJECT, data_sets, folder] for flag in ["--allow-location", path]]
    cluster = Cluster(folder, allowed)
    try:
        with connect(cluster.scheduler) as connection:
            register_demo(connection)
            with connection.cursor() as cursor:
                register_data_sets(cursor, data_sets)
        yield cluster
    finally:
        cluster.stop()


def register_data_sets(cursor, folder):
    """The data sets as tables of several files, so that several tasks read them."""
    cursor.execute("CREATE SCHEMA sklearn")
    cursor.execute("CREATE SCHEMA local")
    cursor.execute("CREATE SCHEMA staged")
    for name in ["diabetes", "breast_cancer", "iris"]:
        header, rows = read_table(name)
        location = folder / name
        location.mkdir()
        for part in range(FILES_PER_TABLE):
            lines = [",".join(row) for row in rows[part::FILES_PER_TABLE]]
            (location / f"{part}.csv").write_text("\n".join(lines) + "\n")
        types = ["double" if is_number(value) else "string" for value in rows[0]]
        columns = ", ".join(f"{column} {kind}" for column, kind in zip(header, types))
        cursor.execute(
            f"CREATE EXTERNAL TABLE sklearn.{name} ({columns}) "
            f"ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 'file://{location}'"
        )


def read_table(name):
    with open(FIXTURES / f"{name}.csv", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def is_number(text):
    try:
        float(text)
        return True
    except ValueError:
        return False


def train(cluster, mode, name):
    options, query = MODELS[name]
    with connect(cluster.scheduler) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET SESSION execution_mode = '{mode}'")
        cursor.execute(f"CREATE MODEL {mode}.{name} OPTIONS ({options}) AS {query}")
        cursor.fetchall()
        cursor.execute(
            "SELECT execution_mode FROM system.runtime.queries "
            f"WHERE query LIKE 'CREATE MODEL {mode}.{name} %' AND state = 'FINISHED'"
        )
        assert cursor.fetchall() == [(mode,)]
    return parameters(cluster, mode, name)


def parameters(cluster, schema, name):
    """What was learned, out of the stored artifact."""
    folder = cluster.folder / "scheduler" / "data"
    (artifact,) = folder.glob(f"**/{schema}.db/_models/{name}/*.json")
    return json.loads(artifact.read_text())["model"]["parameters"]


@pytest.fixture(scope="module", params=MODELS)
def trained(request, cluster):
    name = request.param
    return name, train(cluster, "local", name), train(cluster, "staged", name)


def numbers(value):
    if isinstance(value, dict):
        return [n for key in sorted(value) for n in numbers(value[key])]
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    return [float(value)] if isinstance(value, (int, float)) else []


def test_two_executors_learn_what_one_process_learns(trained, cluster):
    name, local, staged = trained
    assert numbers(local), local
    np.testing.assert_allclose(numbers(staged), numbers(local), rtol=1e-9, atol=1e-9)


@pytest.fixture(scope="module")
def rows(cluster):
    def fetch(name):
        with connect(cluster.scheduler) as connection, connection.cursor() as cursor:
            cursor.execute(MODELS[name][1])
            return cursor.fetch_arrow_table()

    return fetch


def split(table, target):
    y = table[target].to_pylist()
    table = table.drop_columns([target])
    return np.column_stack([column.cast("float64").to_numpy() for column in table.columns]), y


@pytest.mark.parametrize("trained", SUPERVISED, indirect=True, scope="module")
def test_coefficients_are_those_of_scikit_learn(trained, rows):
    name, _, staged = trained
    table = rows(name)
    if "linear_regression" in staged:
        x, y = split(table, table.column_names[0 if "arr_delay" in table.column_names else -1])
        model = LinearRegression().fit(x, np.asarray(y, dtype=float))
        found = staged["linear_regression"]
        expected = [model.intercept_, *model.coef_]
    else:
        target = "late" if "late" in table.column_names else "diagnosis"
        x, y = split(table, target)
        model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(x, y)
        found = staged["logistic_regression"]
        expected = [model.intercept_[0], *model.coef_[0]]
    learned = [found["intercept"], *found["coefficients"]]
    np.testing.assert_allclose(learned, expected, rtol=1e-4, atol=1e-4)


def test_centroids_are_those_of_scikit_learn(cluster, rows):
    table = rows("iris")
    x = np.column_stack([column.to_numpy() for column in table.columns])
    (found,) = [value for key, value in numbers_by_key(parameters(cluster, "staged", "iris"))]
    found = np.asarray(found)
    expected = KMeans(3, init=found, n_init=1, tol=0).fit(x).cluster_centers_
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    best = KMeans(3, n_init=10, random_state=1).fit(x)
    inertia = ((x[:, None, :] - found[None]) ** 2).sum(axis=2).min(axis=1).sum()
    assert inertia <= best.inertia_ * 1.0001


def numbers_by_key(parameters):
    return [(key, value) for key, value in parameters["kmeans"].items() if key == "centroids"]


@pytest.mark.parametrize("mode", ["local", "pipelined", "staged"])
@pytest.mark.parametrize("name", ["flights_linear", "flights_logistic", "flights_kmeans"])
def test_predictions_are_equal_in_every_mode(cluster, trained_flights, name, mode):
    sql = (
        f"SELECT * FROM ml_predict('staged.{name}', ({MODELS[name][1]} AND day <= 3)) "
        "ORDER BY 1, 2, 3, 4"
    )
    assert predict(cluster, sql, mode) == predict(cluster, sql, "local")


@pytest.fixture(scope="module")
def trained_flights(cluster):
    for name in MODELS:
        folder = cluster.folder / "scheduler" / "data"
        if name.startswith("flights") and not list(folder.glob(f"**/staged.db/_models/{name}/*")):
            train(cluster, "staged", name)


def predict(cluster, sql, mode):
    with connect(cluster.scheduler) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET SESSION execution_mode = '{mode}'")
        cursor.execute(sql)
        table = cursor.fetch_arrow_table()
        assert len(table) > 1_000
        # Flights that are alike in what is ordered by may come in any order.
        return sorted(table.to_pylist(), key=lambda row: list(row.values()))


@pytest.mark.parametrize("mode", ["local", "pipelined", "staged"])
def test_a_condition_stays_in_the_scan_in_every_mode(cluster, trained_flights, mode):
    with connect(cluster.scheduler) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET SESSION execution_mode = '{mode}'")
        cursor.execute(
            "EXPLAIN SELECT predicted_arr_delay FROM "
            "ml_predict('staged.flights_linear', (SELECT * FROM demo.flights)) "
            "WHERE month = 4 AND distance > 2000"
        )
        plan = "\n".join(str(row) for row in cursor.fetchall())
    scan = next(line for line in plan.splitlines() if "DataSourceExec" in line)
    assert "distance" in scan.split("predicate=")[1], plan
    assert "month=4/" in plan and "month=5/" not in plan, plan


@pytest.mark.parametrize("mode", ["local", "staged"])
def test_a_cancelled_training_leaves_nothing(cluster, mode):
    slow = (
        "CREATE MODEL cancelled OPTIONS (algorithm => 'linear_regression', target => 'y') AS "
        "SELECT a.arr_delay AS y, b.dep_delay AS x FROM demo.flights a JOIN demo.flights b "
        "ON a.origin = b.origin"
    )
    with connect(cluster.scheduler) as connection, connection.cursor() as cursor:
        cursor.execute("USE demo")
        cursor.execute(f"SET SESSION execution_mode = '{mode}'")
        with connect(cluster.scheduler) as other:
            cancel_when_running(cursor, slow, other)
        cursor.execute("SHOW MODELS")
        assert not any("cancelled" in map(str, row) for row in cursor.fetchall())
    assert not list((cluster.folder / "scheduler" / "data").glob("**/_models/cancelled/*"))


def cancel_when_running(cursor, sql, other):
    import threading

    failure = []

    def run():
        try:
            cursor.execute(sql)
            cursor.fetchall()
        except adbc.Error as err:
            failure.append(err)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: is_running(other, sql), seconds=20)
    finally:
        cursor.adbc_cancel()
        thread.join(30)
    assert not thread.is_alive()
    assert failure, "the training was not cancelled"
    wait_until(lambda: not is_running(other, sql), seconds=10)


def is_running(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute("SELECT query FROM system.runtime.queries WHERE state = 'RUNNING'")
        return any(row[0] == sql for row in cursor.fetchall())
