-- Registers the 2013 New York flights. `quern demo` replaces ${demo} with the URL of demo/data.

CREATE SCHEMA IF NOT EXISTS demo COMMENT 'Flights that left New York in 2013';
USE demo;

CREATE EXTERNAL TABLE IF NOT EXISTS flights (
  year INT COMMENT 'always 2013',
  day INT COMMENT 'day of the month',
  dep_time INT COMMENT 'actual departure, local time, as hhmm',
  sched_dep_time INT COMMENT 'scheduled departure, local time, as hhmm',
  dep_delay INT COMMENT 'minutes; negative when early, NULL when cancelled',
  arr_time INT COMMENT 'actual arrival, local time, as hhmm',
  sched_arr_time INT COMMENT 'scheduled arrival, local time, as hhmm',
  arr_delay INT COMMENT 'minutes; negative when early, NULL when cancelled or diverted',
  carrier STRING COMMENT 'two letters; see airlines',
  flight INT COMMENT 'flight number',
  tailnum STRING COMMENT 'tail number; see planes',
  origin STRING COMMENT 'EWR, JFK or LGA',
  dest STRING COMMENT 'destination; see airports',
  air_time INT COMMENT 'minutes in the air',
  distance INT COMMENT 'miles',
  hour INT COMMENT 'hour of the scheduled departure',
  minute INT COMMENT 'minute of the scheduled departure',
  time_hour TIMESTAMP COMMENT 'hour of the scheduled departure, UTC; joins to weather'
)
COMMENT 'One row a flight'
PARTITIONED BY (month INT COMMENT '1 to 12')
STORED AS PARQUET
LOCATION '${demo}/flights';

-- Finds the directories month=1 to month=12.
MSCK REPAIR TABLE flights;

CREATE EXTERNAL TABLE IF NOT EXISTS airlines (
  carrier STRING,
  name STRING
)
STORED AS PARQUET
LOCATION '${demo}/airlines';

CREATE EXTERNAL TABLE IF NOT EXISTS airports (
  faa STRING COMMENT 'three letters',
  name STRING,
  lat DOUBLE,
  lon DOUBLE,
  alt INT COMMENT 'feet',
  tz INT COMMENT 'hours from UTC',
  dst STRING COMMENT 'daylight saving: A, N or U',
  tzone STRING COMMENT 'IANA time zone'
)
STORED AS PARQUET
LOCATION '${demo}/airports';

CREATE EXTERNAL TABLE IF NOT EXISTS planes (
  tailnum STRING,
  year INT COMMENT 'year of manufacture',
  type STRING,
  manufacturer STRING,
  model STRING,
  engines INT,
  seats INT,
  speed INT COMMENT 'cruising speed, miles an hour',
  engine STRING
)
STORED AS PARQUET
LOCATION '${demo}/planes';

CREATE EXTERNAL TABLE IF NOT EXISTS weather (
  origin STRING,
  year INT,
  month INT,
  day INT,
  hour INT,
  temp DOUBLE COMMENT 'degrees Fahrenheit',
  dewp DOUBLE COMMENT 'degrees Fahrenheit',
  humid DOUBLE COMMENT 'percent',
  wind_dir INT COMMENT 'degrees',
  wind_speed DOUBLE COMMENT 'miles an hour',
  wind_gust DOUBLE COMMENT 'miles an hour',
  precip DOUBLE COMMENT 'inches',
  pressure DOUBLE COMMENT 'millibars',
  visib DOUBLE COMMENT 'miles',
  time_hour TIMESTAMP COMMENT 'UTC'
)
STORED AS PARQUET
LOCATION '${demo}/weather';
