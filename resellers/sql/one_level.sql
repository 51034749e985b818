-- The tree is one level deep, whoever writes at the same moment: a parent must be of depth 0, so a sub-reseller cannot
-- be a parent, and a reseller that has subs cannot get one. A foreign key holds it, where a trigger would race.
ALTER TABLE resellers
    ADD COLUMN depth smallint GENERATED ALWAYS AS (CASE WHEN parent_id IS NULL THEN 0 ELSE 1 END) STORED,
    ADD COLUMN parent_depth smallint GENERATED ALWAYS AS (CASE WHEN parent_id IS NULL THEN NULL ELSE 0 END) STORED,
    ADD CONSTRAINT resellers_id_depth UNIQUE (id, depth),
    ADD CONSTRAINT parent_is_top_level FOREIGN KEY (parent_id, parent_depth) REFERENCES resellers (id, depth);
