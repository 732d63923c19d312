//! Ordered joins answer as unordered ones do.

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use quern_engine::optimizer::{JoinOrder, SemiJoinsFirst};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;

/// Any new order is taken, however bad it is thought to be.
const ALWAYS: f64 = f64::INFINITY;

fn context(rule: Option<JoinOrder>, target_partitions: usize) -> SessionContext {
    let mut rules = PhysicalOptimizer::new().rules;
    if let Some(rule) = rule {
        let sides = rules.iter().position(|rule| rule.name() == "join_selection").unwrap();
        let rules_of_ours: [Arc<dyn PhysicalOptimizerRule + Send + Sync>; 2] =
            [Arc::new(SemiJoinsFirst), Arc::new(rule)];
        rules.splice(sides..sides, rules_of_ours);
    }
    let state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_target_partitions(target_partitions))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    SessionContext::new_with_state(state)
}

fn register(context: &SessionContext, name: &str, columns: &[(&str, Vec<Option<i64>>)]) {
    let columns = columns.iter().map(|(name, values)| {
        (*name, Arc::new(Int64Array::from(values.clone())) as ArrayRef, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
    context.register_table(name, Arc::new(table)).unwrap();
}

async fn answer(context: &SessionContext, sql: &str) -> Vec<String> {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

/// Two fact tables that meet in many rows, and a dimension of which one row is asked for.
fn register_star(context: &SessionContext) {
    let n = |count: i64, modulus: i64| (0..count).map(|i| Some(i % modulus)).collect::<Vec<_>>();
    register(context, "sales", &[("item", n(3_000, 10)), ("day", n(3_000, 300))]);
    register(context, "stock", &[("item", n(3_000, 10)), ("amount", n(3_000, 7))]);
    register(context, "days", &[("day", n(300, 300)), ("year", n(300, 100))]);
}

const STAR: &str = "SELECT days.year, count(*), sum(amount) FROM sales \
    JOIN stock ON sales.item = stock.item JOIN days ON sales.day = days.day \
    WHERE days.year = 7 GROUP BY days.year";

#[tokio::test]
async fn the_join_that_makes_few_rows_comes_first() {
    let (plain, ordered) = (context(None, 2), context(Some(JoinOrder::default()), 2));
    register_star(&plain);
    register_star(&ordered);
    let depth = |plan: &str, table: &str| {
        let line = plan.lines().rfind(|line| line.contains("HashJoinExec")).unwrap();
        line.contains(table)
    };
    // The deepest join is the first that runs.
    assert!(depth(&plan(&plain, STAR).await, "item@"), "{}", plan(&plain, STAR).await);
    assert!(depth(&plan(&ordered, STAR).await, "day@"), "{}", plan(&ordered, STAR).await);
    assert_eq!(answer(&ordered, STAR).await, answer(&plain, STAR).await);
}

#[tokio::test]
async fn an_order_that_is_good_already_stays() {
    let ordered = context(Some(JoinOrder::default()), 2);
    register_star(&ordered);
    let good = "SELECT count(*) FROM sales JOIN days ON sales.day = days.day \
        JOIN stock ON sales.item = stock.item WHERE days.year = 7";
    let plain = context(None, 2);
    register_star(&plain);
    assert_eq!(plan(&ordered, good).await, plan(&plain, good).await);
}

#[tokio::test]
async fn a_semi_join_comes_before_a_join_that_makes_more_rows() {
    let (plain, ordered) = (context(None, 2), context(Some(JoinOrder::default()), 2));
    register_star(&plain);
    register_star(&ordered);
    let many = "SELECT count(*), sum(amount) FROM sales JOIN stock ON sales.item = stock.item \
        WHERE sales.day IN (SELECT day FROM days WHERE year = 7)";
    let deepest = |plan: &str| {
        let is_join = |line: &&str| line.contains("HashJoinExec");
        plan.lines().rfind(is_join).unwrap().contains("Semi")
    };
    assert!(!deepest(&plan(&plain, many).await), "{}", plan(&plain, many).await);
    assert!(deepest(&plan(&ordered, many).await), "{}", plan(&ordered, many).await);
    assert_eq!(answer(&ordered, many).await, answer(&plain, many).await);
    // Here the join leaves few rows for it.
    let few = "SELECT count(*) FROM sales JOIN days ON sales.day = days.day \
        WHERE days.year = 7 AND sales.item IN (SELECT item FROM stock WHERE amount = 1)";
    assert!(!deepest(&plan(&ordered, few).await), "{}", plan(&ordered, few).await);
    assert_eq!(answer(&ordered, few).await, answer(&plain, few).await);
}

#[tokio::test]
async fn any_order_of_random_joins_gives_the_same_rows() {
    let seed = rand::rng().random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..60 {
        let partitions = random.random_range(1..4);
        let (plain, ordered) =
            (context(None, partitions), context(Some(JoinOrder::new(ALWAYS)), partitions));
        let n_tables = random.random_range(3..7);
        for table in 0..n_tables {
            let rows = random.random_range(0..25);
            let mut column = |range: i64| {
                (0..rows)
                    .map(|_| random.random_bool(0.9).then(|| random.random_range(0..range)))
                    .collect::<Vec<_>>()
            };
            let columns = [("a", column(6)), ("b", column(3)), ("c", column(40))];
            register(&plain, &format!("t{table}"), &columns);
            register(&ordered, &format!("t{table}"), &columns);
        }
        let sql = random_join(&mut random, n_tables);
        assert_eq!(answer(&ordered, &sql).await, answer(&plain, &sql).await, "{round}: {sql}");
    }
}

fn random_join(random: &mut StdRng, n_tables: usize) -> String {
    let column = |random: &mut StdRng, table: usize| {
        format!("t{table}.{}", ["a", "b", "c"][random.random_range(0..3)])
    };
    let mut sql = "FROM t0".to_owned();
    for table in 1..n_tables {
        let other = random.random_range(0..table);
        let (left, right) = (column(random, other), column(random, table));
        let kind = ["JOIN", "JOIN", "JOIN", "JOIN", "LEFT JOIN"][random.random_range(0..5)];
        sql += &format!(" {kind} t{table} ON {left} = {right}");
        if random.random_bool(0.3) {
            let (other, operator) = (random.random_range(0..table), ["<", "=", "<>"]);
            let operator = operator[random.random_range(0..3)];
            let (left, right) = (column(random, other), column(random, table));
            sql += &format!(" AND {left} {operator} {right}");
        }
    }
    if random.random_bool(0.5) {
        sql += &format!(" WHERE {} < 3", column(random, 0));
    } else if random.random_bool(0.7) {
        let (table, other) = (random.random_range(0..n_tables), random.random_range(0..n_tables));
        let (key, not) = (column(random, table), ["", "NOT"][random.random_range(0..2)]);
        sql += &format!(" WHERE {key} {not} IN (SELECT a FROM t{other} WHERE a IS NOT NULL)");
    }
    let (a, b) = (column(random, 0), column(random, n_tables - 1));
    match random.random_range(0..4) {
        0 => format!("SELECT count(*) {sql}"),
        1 => format!("SELECT {a}, count(*), sum({b}) {sql} GROUP BY {a}"),
        2 => format!("SELECT {a} AS x, {b} AS y {sql}"),
        _ => format!("SELECT * {sql}"),
    }
}
