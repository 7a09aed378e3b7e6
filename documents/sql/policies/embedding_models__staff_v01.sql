-- Staff see with which models documents were embedded.
CREATE POLICY staff ON embedding_models FOR SELECT TO novara_staff
    USING (true);

GRANT SELECT ON embedding_models TO novara_staff;
