# One folder with everything, where the official image has it; Debian spreads it over three.
home=/usr/local/tomcat
mkdir -p "$home"/lib "$home"/logs "$home"/temp "$home"/webapps "$home"/work
cp -rL /usr/share/tomcat10/bin "$home/bin"
cp -rL /etc/tomcat10 "$home/conf"
cp -rL /usr/share/tomcat10/lib/. "$home/lib/"
# Compiles pages; Debian only recommends it.
cp -L /usr/share/java/ecj.jar "$home/lib/"
# Debian's own log settings write to files; a container's log is its output.
sed -i 's/^\.handlers *=.*/.handlers = java.util.logging.ConsoleHandler/; s/^handlers *=.*/handlers = java.util.logging.ConsoleHandler/' \
  "$home/conf/logging.properties"
rm -rf "$home/conf/Catalina/localhost" /var/lib/tomcat10
