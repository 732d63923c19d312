-- The tour that `quern demo` gives. A step is a comment and the statement below it: the comment
-- is printed, then the statement, then its answer.

-- 1. What is there. The metastore holds five tables; their data are Parquet files.
SHOW TABLES;

-- 2. What a table looks like. The partition key, month, comes from the directory names.
DESCRIBE flights;

-- 3. A condition on the partition key is answered by the metastore's index before any file is
--    listed: of twelve months, the plan reads one, and the condition on dep_delay goes into the
--    scan, where it skips pages of the file.
EXPLAIN SELECT flight, dep_delay FROM flights WHERE month = 2 AND dep_delay > 600;

-- 4. Every row knows the file it came from.
SELECT "$partition", "$path", "$file_size", count(*) AS flights
FROM flights
WHERE month BETWEEN 1 AND 3
GROUP BY 1, 2, 3
ORDER BY 1;

-- 5. A join: which airlines flew most, and how late they arrived.
SELECT a.name,
       count(*) AS flights,
       round(avg(f.arr_delay), 1) AS mean_arrival_delay,
       round(100.0 * count(*) FILTER (WHERE f.dep_time IS NULL) / count(*), 1) AS percent_cancelled
FROM flights f
JOIN airlines a ON a.carrier = f.carrier
GROUP BY a.name
ORDER BY flights DESC;

-- 6. A window: each airline's worst day of the year.
WITH daily AS (
  SELECT carrier, month, day, avg(arr_delay) AS delay, count(*) AS flights
  FROM flights
  GROUP BY carrier, month, day
), ranked AS (
  SELECT carrier, month, day, delay, flights,
         row_number() OVER (PARTITION BY carrier ORDER BY delay DESC NULLS LAST, month, day) AS place
  FROM daily
  WHERE flights >= 20
)
SELECT a.name, r.month, r.day, r.flights, round(r.delay, 1) AS mean_arrival_delay
FROM ranked r
JOIN airlines a ON a.carrier = r.carrier
WHERE r.place = 1
ORDER BY mean_arrival_delay DESC;

-- 7. Two facts joined by hour and airport: does rain delay departures?
SELECT CASE WHEN w.precip > 0.1 THEN 'heavy rain' WHEN w.precip > 0 THEN 'rain' ELSE 'dry' END AS weather,
       count(*) AS flights,
       round(avg(f.dep_delay), 1) AS mean_departure_delay
FROM flights f
JOIN weather w ON w.origin = f.origin AND w.time_hour = f.time_hour
GROUP BY 1
ORDER BY mean_departure_delay DESC;

-- 8. A model, trained where the data are: the arrival delay of ten months' flights.
CREATE OR REPLACE MODEL arrival_delay
OPTIONS (algorithm => 'linear_regression', target => 'arr_delay')
AS SELECT arr_delay, dep_delay, distance, air_time, hour
FROM flights
WHERE month <= 10 AND arr_delay IS NOT NULL;

-- 9. How good is it on the two months it has not seen?
SELECT * FROM ml_evaluate('arrival_delay', (
  SELECT arr_delay, dep_delay, distance, air_time, hour
  FROM flights
  WHERE month >= 11 AND arr_delay IS NOT NULL
));

-- 10. A prediction is an ordinary table: conditions on it reach the scan.
SELECT carrier, flight, day, dep_delay, arr_delay,
       round(predicted_arr_delay, 1) AS predicted
FROM ml_predict('arrival_delay', (SELECT * FROM flights WHERE month = 12))
WHERE day = 24 AND origin = 'JFK' AND arr_delay IS NOT NULL
ORDER BY abs(arr_delay - predicted_arr_delay) DESC
LIMIT 10;
