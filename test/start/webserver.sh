# Run inside the tree of `webserver` once nginx is installed: one page, made anew for each request.
cat > /usr/local/bin/page << 'PAGE'
#!/bin/sh
export PGCONNECT_TIMEOUT=3
if rows=$(psql --no-psqlrc --html --host database.containers --username reader library 2>&1 << 'SQL'
SELECT title, author, year FROM book ORDER BY year;
SELECT version() AS "answered by", to_char(now(), 'HH24:MI:SS.MS') AS "at";
SQL
); then
  printf 'Content-Type: text/html\r\n\r\n'
else
  printf 'Status: 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n'
fi
echo "<!DOCTYPE html><title>webserver.containers</title><h1>Read from database.containers</h1>"
echo "$rows"
PAGE
chmod 755 /usr/local/bin/page

cat > /etc/nginx/sites-available/default << 'SITE'
server {
  listen 80 default_server;
  listen [::]:80 default_server;
  location / {
    include fastcgi_params;
    fastcgi_param SCRIPT_FILENAME /usr/local/bin/page;
    fastcgi_pass unix:/run/fcgiwrap.socket;
  }
}
SITE
