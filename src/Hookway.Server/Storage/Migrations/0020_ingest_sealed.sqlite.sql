-- The URL as given to the vendor holds the token where that is part of the vendor's URL, so it is sealed as the token is: under the master key, which SQL does not have.
-- What is there is moved at the next start (SourceStore.SealPublicUrls).
ALTER TABLE sources RENAME COLUMN public_url TO plain_public_url;
ALTER TABLE sources ADD COLUMN public_url BLOB;
