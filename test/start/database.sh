# Run inside the tree of `database` once PostgreSQL is installed: a small database, readable from the containers.
version=$(ls /etc/postgresql)
cluster=/etc/postgresql/$version/main

echo "listen_addresses = '*'" > "$cluster/conf.d/containers.conf"
# An example with nothing to protect: whoever is on the containers' network may read.
echo 'host library reader 10.231.136.0/24 trust' >> "$cluster/pg_hba.conf"

pg_ctlcluster --skip-systemctl-redirect "$version" main start
su postgres -c 'psql --quiet --no-psqlrc --set ON_ERROR_STOP=1' << 'SQL'
CREATE DATABASE library;
\connect library
CREATE TABLE book (title text NOT NULL, author text NOT NULL, year integer NOT NULL);
INSERT INTO book VALUES
  ('The Art of Computer Programming', 'Donald Knuth', 1968),
  ('The Mythical Man-Month', 'Frederick Brooks', 1975),
  ('The C Programming Language', 'Brian Kernighan and Dennis Ritchie', 1978),
  ('The UNIX Programming Environment', 'Brian Kernighan and Rob Pike', 1984);
CREATE ROLE reader LOGIN;
GRANT SELECT ON book TO reader;
SQL
pg_ctlcluster --skip-systemctl-redirect "$version" main stop
