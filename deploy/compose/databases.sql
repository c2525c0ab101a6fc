-- One for each service: none reads another's tables.
CREATE DATABASE moodify_auth;
CREATE DATABASE moodify_music;
CREATE DATABASE moodify_notification;
CREATE DATABASE moodify_sync;
