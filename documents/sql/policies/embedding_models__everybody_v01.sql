-- Which models there are is nobody's secret; who embeds first notes the model.
ALTER TABLE embedding_models ENABLE ROW LEVEL SECURITY;

CREATE POLICY everybody ON embedding_models TO novara_api
    USING (true)
    WITH CHECK (true);

GRANT SELECT, INSERT ON embedding_models TO novara_api;
