# The package made a database; each container makes its own.
rm -rf /var/lib/mysql
mkdir -p /var/lib/mysql /run/mysqld /docker-entrypoint-initdb.d
chown mysql:mysql /var/lib/mysql /run/mysqld
chmod 755 /usr/local/bin/mariadb-entrypoint
# The package's housekeeping account and its upgrade hints are for systemd.
rm -f /etc/mysql/debian.cnf /etc/mysql/debian-start
