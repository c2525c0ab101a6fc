-- As in sqlite/0014, where the comments stand.
UPDATE tracks
    SET title_folded = replace(replace(title_folded, 'ß', 'ss'), 'ς', 'σ'),
        genre_folded = replace(replace(genre_folded, 'ß', 'ss'), 'ς', 'σ'),
        words = replace(replace(words, 'ß', 'ss'), 'ς', 'σ')
    WHERE (title_folded LIKE '%ß%' OR title_folded LIKE '%ς%')
       OR (words LIKE '%ß%' OR words LIKE '%ς%')
       OR (genre_folded LIKE '%ß%' OR genre_folded LIKE '%ς%');

INSERT INTO track_words (track_id, word, of_artist, listed, play_count, title_folded)
    SELECT track_id, replace(replace(word, 'ß', 'ss'), 'ς', 'σ'), of_artist, listed, play_count, title_folded
    FROM track_words WHERE (word LIKE '%ß%' OR word LIKE '%ς%')
    ON CONFLICT DO NOTHING;
DELETE FROM track_words WHERE (word LIKE '%ß%' OR word LIKE '%ς%');

INSERT INTO artist_words (artist_id, word)
    SELECT artist_id, replace(replace(word, 'ß', 'ss'), 'ς', 'σ') FROM artist_words
    WHERE (word LIKE '%ß%' OR word LIKE '%ς%')
    ON CONFLICT DO NOTHING;
DELETE FROM artist_words WHERE (word LIKE '%ß%' OR word LIKE '%ς%');

INSERT INTO word_tracks (word, block, tracks)
    SELECT replace(replace(word, 'ß', 'ss'), 'ς', 'σ') AS folded, block, string_agg(tracks, '')
    FROM word_tracks WHERE (word LIKE '%ß%' OR word LIKE '%ς%')
    GROUP BY folded, block
    ON CONFLICT (word, block) DO UPDATE SET tracks = word_tracks.tracks || excluded.tracks;
DELETE FROM word_tracks WHERE (word LIKE '%ß%' OR word LIKE '%ς%');
