"""Queries of our own, a construct each, that have to give equal rows on every engine."""

EVENTS = """
select count() from events
select event, count() as c from events group by event order by c desc, event
select event, count(*) c from events group by all order by 2 desc, 1
select distinct event from events order by event
select distinct event from events order by length(event), event
select properties.$browser as b, count() from events group by b order by b
select properties.$browser as b, count() from events group by properties.$browser having count() > 10 order by 1
select properties['$browser'], count() from events group by 1 order by 1
select count() from events where properties.$browser is null
select k, count() as n from (select arrayJoin([0.0, -0.0, negate(0.0), round(-0.2), -1.5 * 0, -7.5 % 2.5]) as k) as s group by k
select count() from events where properties.$browser = ''
select count() from events where properties.$browser != 'Chrome'
select count() from events where not (properties.$browser = 'Chrome')
select count() from events where properties.$browser not in ('Chrome', 'Safari')
select count() from events where properties.$browser in ('Chrome', NULL)
select count() from events where properties.$browser not in ('Chrome', NULL)
select count() from events where properties.$browser not like '%a%'
select count() from events where properties.$browser like '%a%' or properties.$os ilike 'MAC%'
select count() from events where properties.$browser = NULL
select count() from events where properties.$browser != NULL
select count() from events where properties.$current_url =~ 'pricing|docs'
select count() from events where properties.$current_url !~* 'PRICING'
select count() from events where event not ilike '$PAGE%'
select properties.$screen_width * 2 as w from events where properties.$screen_width > 100 order by w, uuid limit 20
select avg(properties.$screen_width), sum(properties.$screen_width), max(toFloat(properties.$screen_width)) from events
select properties.$screen_width as w from events where w is not null order by w, uuid limit 30
select properties.$set.email, properties.$active_feature_flags from events where properties.$active_feature_flags is not null order by uuid limit 20
select properties.$active_feature_flags.1, properties.$active_feature_flags.-1 from events order by uuid limit 30
select toDate(timestamp) as timestamp, count() from events where timestamp >= '2026-06-01' group by timestamp order by timestamp
select toDate(timestamp) as day, count() as c, sum(c) over (order by day) as running from events group by day order by day
select toStartOfWeek(timestamp) as week, uniq(distinct_id) from events group by week order by week
select toStartOfMonth(timestamp) as m, count(distinct person_id) as p from events group by m having p > 3 order by m desc
select dateTrunc('day', timestamp) d, count() from events where timestamp > now() - interval 7 day group by d order by d
select count() from events where timestamp between '2026-06-01' and '2026-06-10'
select count() from events where timestamp >= today() - 7
select count() from events where timestamp > now() - toIntervalDay(3) and timestamp < now()
select event, countIf(properties.$browser = 'Chrome') / count() as share from events group by event order by event
select event, count() filter (where properties.$browser = 'Chrome') from events group by event order by event
select uniqIf(distinct_id, event = '$pageview'), sumIf(1, event = 'signup'), avgIf(2, event = 'nothing') from events
select argMax(event, timestamp), argMin(distinct_id, timestamp), min(timestamp), max(timestamp) from events
select quantile(0.9)(toFloat(properties.$screen_width)), median(toFloat(properties.$screen_width)) from events
select arraySort(groupUniqArray(event)) from events
select distinct_id, arraySort(groupArray(event)) from events where event in ('signup', 'purchase') group by distinct_id order by distinct_id
select e.event, e.person.properties.email from events e order by e.uuid limit 20
select person.properties.email as email, count() from events group by email order by email
select person.id is null as gone, count() from events group by gone order by gone
select pdi.person.properties.role, count() from events group by 1 order by 1
select e.pdi.person_id = e.person_id as same, count() from events e group by same order by same
select session.$is_bounce, count() from events group by 1 order by 1
select session.$session_duration > 100, count() from events group by 1 order by 1
select group_0.properties.name as g, count() from events group by g order by g
select poe.properties.email, goe_0.properties.plan from events order by uuid limit 10
select person, pdi, event from events order by uuid limit 10
select p.properties.role, count() from persons p join events e on e.person_id = p.id group by 1 order by 1
select p.id, count(e.uuid) as n from persons p left join events e on e.person_id = p.id and e.event = 'signup' group by p.id order by n desc, p.id
select count() from events e semi join persons p on e.person_id = p.id
select count() from events e anti join persons p on e.person_id = p.id
select count() from events e full join persons p on e.person_id = p.id
select count() from events e right join person_distinct_ids p on e.distinct_id = p.distinct_id
select count() from persons p any left join events e on e.person_id = p.id
select count() from person_distinct_ids join persons on person_distinct_ids.person.id = persons.id
select count() from persons a left join events e on e.person.id = a.id and e.person.properties.role = 'admin'
select count() from (select number as id from numbers(50)) u join events e on u.id = e.properties.$screen_width
select count() from (select number as id from numbers(9)) u join (select toFloat(number) as f from numbers(5)) v on u.id = v.f
select a.x, b.y from (select 1 as x, 2 as k) a, (select 3 as y, 2 as k) b where a.k = b.k
select * from (select 1 as k, 'a' as x) a join (select 1 as k, 'b' as y) b using (k)
select k, x, y from (select 1 as k, 'a' as x) a join (select 1 as k, 'b' as y) b using k
select * from (select 1 as k, 'a' as x) a natural join (select 1 as k, 'b' as y) b
select t.d, v.x from (select toDateTime('2026-01-03') as d, 1 as k) t asof join (select toDateTime('2026-01-01') as d, 1 as k, 'x' as x) v on t.k = v.k and t.d >= v.d
select * from (select number as a from numbers(3)) x positional join (select number * 2 as b from numbers(3)) y order by a
select x.a, y.b from (select 1 as a) x join ((select 1 as b) y join (select 1 as c) z on y.b = z.c) on x.a = y.b
select count() from events where person_id in (select id from persons where properties.role = 'admin')
select count() from events where person_id not in (select id from persons where properties.role = 'admin')
select count() from events where (event, distinct_id) in (('signup', 'd1'), ('purchase', 'd2'))
select count() from events where (event, distinct_id) in (select event, distinct_id from events where event = 'signup')
select count() from events where in(event, tuple('signup', 'purchase'))
select count() from events where event in ['signup', 'purchase']
select count() from events where person_id in cohort 1
select count() from events where person_id not in cohort 1
select (select count() from persons) as p, count() from events
select event, (select max(created_at) from persons) > timestamp as older from events order by uuid limit 5
select id from persons p where exists (select 1 from events e where e.person_id = p.id and e.event = 'signup') order by id
with 'signup' as wanted select count() from events where event = wanted
with toDate(timestamp) as day select day, count() from events group by day order by day
with s as (select distinct_id from events where event = 'signup'), t as (select distinct_id, count() as n from s group by distinct_id) select n, count() from t group by n order by n
with s as (select 1 as a) select a from s union all select a + 1 from s order by a
with recursive t as (select 1 as n union all select n + 1 from t where n < 10) select sum(n), count() from t
with recursive t(n, s) as (select 1, 'a' union all select n + 1, s || 'b' from t where n < 4) select n, s from t order by n
with s(a, b) as (select 1, 2) select b, a from s
select 1 as a union all select 2 union all select 2 order by a desc
select 1 as a union distinct select 1 as a
select number as n from numbers(5) intersect select number from numbers(3) order by n
select number as n from numbers(5) except select number from numbers(3) order by n
(select event from events order by uuid limit 2) union all (select event from events order by uuid desc limit 2) order by event
select 1 as x, 'a' as y union all select 2.5, NULL order by x
select NULL as x union all select 'a' order by x
select today() as d union all select now() order by d
select count() from (select event from events union all select event from events)
select event, timestamp from events order by timestamp desc, uuid limit 3 offset 2
select event, timestamp from events order by timestamp desc, uuid limit 2, 3
select event, distinct_id, timestamp from events order by timestamp desc, uuid limit 1 by event limit 5
select distinct_id, event from events order by distinct_id, timestamp, uuid limit 2 offset 1 by distinct_id
select number % 3 as k from numbers(20) order by k limit 2 with ties
select number from numbers(20) order by number % 3, number limit 10 percent
select number, row_number() over (partition by number % 2 order by number desc) as r from numbers(6) order by number
select number, sum(number) over w as s, avg(number) over w as a from numbers(6) window w as (order by number rows between 1 preceding and current row) order by number
select number, lag(number) over (order by number), lead(number, 2) over (order by number), lagInFrame(number, 1, 99) over (order by number) from numbers(4) order by number
select number, rank() over (order by intDiv(number, 2)), dense_rank() over (order by intDiv(number, 2)) from numbers(5) order by number
select number, first_value(number) over (order by number desc), last_value(number) over (order by number) from numbers(4) order by number
select number from numbers(10) qualify row_number() over (partition by number % 3 order by number) = 1 order by number
select event, count() as c, c / sum(c) over () as share from events group by event order by event
select event, properties.$browser as b, count() from events group by event, b with rollup order by event, b
select event is null, count() from events group by cube(event) order by 1, 2
select event, properties.$os as os, count() from events group by grouping sets ((event), (os), ()) order by event, os
select event, count() from events where event in ('signup', 'purchase') group by event with totals order by event
select count() from events group by 'x'
select 1 from events group by 1
select count() from events where 0 group by 'x'
select count(), sum(1), max(event), uniq(event), avg(1), groupArray(event) from events where 0
select event from events having event = 'signup' limit 1
select event as e, count() as n from events group by e having n > 10 and e != 'signup' order by e
select arrayJoin([1, 2, 3]) as x, x * 2 as y order by x
select arrayJoin([1, 2]) as x, arrayJoin(['a', 'b']) as y order by x, y
select arrayJoin(extractAll(elements_chain, 'text="([^"]*)"')) as t, count() from events group by t order by t
select distinct_id, arrayJoin(arraySlice(arraySort(groupArray(event)), 1, 2)) as e from events group by distinct_id order by distinct_id, e
select x, y from (select 1 as k) array join [1, 2] as x, ['a', 'b'] as y order by x
select k, x from (select 1 as k, emptyArrayString() as xs union all select 2, ['a']) left array join xs as x order by k
select t, count() from events array join elements_chain_texts as t group by t order by t
select x from (select [1,2,3] as xs) array join xs as x where x > 1 order by x
select arrayMap(x -> x * 2, [1, 2, 3]), arrayFilter(x -> x > 1, [1, 2, 3]), arrayExists(x -> x = 2, [1, 2])
select arrayMap((x, y) -> x + y, [1, 2], [10, 20]), arraySum(x -> x * x, [1, 2, 3]), arrayCount(x -> x > 1, [1, 2, 3])
select [1, 2, 3][1], [1, 2, 3][-1], [1, 2, 3][9], ['a', 'b', 'c'][2:3], [1, 2, 3][2:]
select (1, 'a', 2.5).2, tuple(1, 'x').1, ((1, 2), 3).1.2
select g.1, g.2 from (select groupArray((number, number * 2)) as g from (select number from numbers(3) order by number))
select {'a': 1, 'b': 2}['b'], map('x', 'y')['x'], map('x', 1)['z']
select NULL ?? 'x', 1 = 1 ? 'yes' : 'no', coalesce(NULL, 2), ifNull(NULL, 'a'), nullIf(1, 1)
select case when 1 > 2 then 'a' when 2 > 1 then 'b' end, case event when 'signup' then 1 else 0 end as s from events order by uuid limit 5
select multiIf(number = 1, 'one', number = 2, 'two', 'many'), if(number > 1, number, NULL) from numbers(4) order by number
select f'{event} by {distinct_id}' from events order by uuid limit 3
select 'a' || 'b' || 1, concat('x', NULL, 'y'), 'it''s', 'back\\\\slash', 'tab\\t'
select 1 + 2 * 3, 7 / 2, 7 % 3, -7 % 3, 1 / 0, intDiv(7, 2), 0.1 + 0.2, 2 - 5, -(3)
select 1 = '1', 'a' < 'b', 1.5 > 1, true = 1, '2026-01-01' < today(), NULL = 1
select cast('12' as Int64), '1.5'::float, 'x'::int, cast(3 as String), '2026-01-02'::date, true::int, cast('abc' as Float64)
select date '2026-01-02', timestamp '2026-01-02 03:04:05', interval 1 day + timestamp '2026-01-02 00:00:00'
select toDate('2026-01-31') + interval 1 month, toDateTime('2026-01-01 10:00:00') - interval 90 minute, toDate('2026-03-01') - toDate('2026-02-01')
select now() - interval 1 hour < now(), dateDiff('day', toDate('2026-01-01'), toDate('2026-02-01')), toYear(now()), extract(month from today())
select toTimeZone(toDateTime('2026-07-01 12:00:00'), 'America/New_York') as t, toHour(t), toString(t), t = toDateTime('2026-07-01 12:00:00')
select 5 between 1 and 10, 5 not between 1 and 3, NULL is null, 1 is distinct from NULL, NULL is not distinct from NULL
select and(true, 1), or(0, false), not(1), xor(true, false), not NULL
select equals(1, 1), notEquals(NULL, 1), greater(2, 1), lessOrEquals(1, 1), plus(1, 2), minus(5, 3), multiply(2, 3), divide(1, 4)
select * exclude (properties, created_at, elements_chain) from events order by uuid limit 2
select * replace (upper(event) as event) from (select event, distinct_id from events order by uuid limit 3) order by 1, 2
select columns('^(event|dist)') from events order by uuid limit 2
select events.* from events join persons on persons.id = events.person_id order by uuid limit 1
select count() from events sample 0.5
select count() from events sample 1/4 offset 1/2
select count() from events final prewhere event = 'signup' where properties.$browser is not null
select * from (values (1, 'a'), (2, 'b')) as t(n, s) order by n
select number from numbers(3, 4) order by number
select count() from generate_series(1, 10)
select a.b from (select 1 as b) a
select `context.columns.x`.1 from (select tuple(1, 2) as `context.columns.x`)
select count() as events, max(events.timestamp) from events
select event as timestamp, min(events.timestamp) as t from events group by timestamp order by timestamp
select distinct_id as d, count() as count from events group by d having count > 5 order by count desc, d limit 5
select e1.event, count() from events e1 join events e2 on e1.uuid = e2.uuid group by 1 order by 1
select Event, DISTINCT_ID from events order by uuid limit 1
select elements_chain_href, elements_chain_texts, elements_chain_ids, elements_chain_elements from events order by uuid limit 5
select session_id, $start_timestamp, $pageview_count, $channel_type from sessions order by session_id limit 5
select count(), avg($session_duration), countIf($is_bounce) from sessions
select s.session_id, count(e.uuid) from sessions s left join events e on e.$session_id = s.session_id group by 1 order by 1 limit 5
select JSONExtractString(properties, '$browser') as b, count() from events group by b order by b
select JSONExtractInt(properties, '$screen_width') as w, JSONHas(properties, '$os') as h from events order by uuid limit 10
select uniqMerge(s), argMaxMerge(a), avgMerge(v), countMerge(c), sumMerge(t) from (select distinct_id, uniqState(event) as s, argMaxState(event, timestamp) as a, avgState(length(event)) as v, countState() as c, sumState(1) as t from events group by distinct_id)
select event, uniqIfMerge(s) from (select event, uniqIfState(distinct_id, properties.$browser = 'Chrome') as s from events group by event, distinct_id) group by event order by event
select * from (select event, distinct_id from events where distinct_id in ('d1', 'd2')) pivot (count() for event in ('signup', 'purchase' as bought)) order by distinct_id
select * from (select event, distinct_id, 1 as n from events) pivot (sum(n) as s, count() as c for event in ('signup', 'purchase') group by distinct_id) as p order by p.distinct_id limit 5
select * from (select 1 as k, 2 as a, 3 as b union all select 2, NULL, 5) unpivot (v for n in (a, b)) order by k, n
select sum(x) from (select number as x from numbers(5) order by number desc limit 2)
select max(c) from (select count() as c from events group by distinct_id)
select avg(n) from (select uniq(event) as n from events group by distinct_id having n > 1)
"""

QUERIES = [line for line in EVENTS.strip().splitlines() if line.strip()]
