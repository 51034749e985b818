-- Tell of each transfer made so far which row of the trail it is in: that of the same person and the same moment, the
-- first of the first where there are several. Transfers are never changed, so the guard steps aside for this statement.
ALTER TABLE transfers DISABLE TRIGGER transfers_are_immutable;
WITH moved AS (
    SELECT id, created_at AS at, actor_id, kind,
        row_number() OVER (PARTITION BY created_at, actor_id, kind ORDER BY id) AS place
    FROM transfers
), told AS (
    SELECT id, at, actor_id, action, row_number() OVER (PARTITION BY at, actor_id, action ORDER BY id) AS place
    FROM audit_entries
)
UPDATE transfers SET audit_entry_id = told.id
FROM moved JOIN told ON told.at = moved.at AND told.actor_id IS NOT DISTINCT FROM moved.actor_id
    AND told.place = moved.place AND told.action = CASE moved.kind
        WHEN 'opening' THEN 'reseller.created'
        WHEN 'transfer' THEN 'funds.transferred'
        WHEN 'withdrawal' THEN 'funds.withdrawn'
        WHEN 'activation' THEN 'subscriber.activated'
        WHEN 'renewal' THEN 'subscriber.renewed' END
WHERE transfers.id = moved.id;
ALTER TABLE transfers ENABLE TRIGGER transfers_are_immutable;
