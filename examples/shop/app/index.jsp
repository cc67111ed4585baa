<%@ page contentType="text/html; charset=UTF-8" session="false" trimDirectiveWhitespaces="true" %>
<%@ page import="java.io.*, java.net.*, java.nio.charset.StandardCharsets, java.sql.*" %>
<%!
  /** A connection to Redis: commands as arrays of words, answers as text; null where there is no value. */
  static final class Cache implements Closeable {
    private final Socket socket;
    private final InputStream in;

    Cache(String host, String password) throws IOException {
      socket = new Socket();
      socket.connect(new InetSocketAddress(host, 6379), 2000);
      socket.setSoTimeout(2000);
      in = new BufferedInputStream(socket.getInputStream());
      if (password != null && !password.isEmpty()) call("AUTH", password);
    }

    String call(String... words) throws IOException {
      ByteArrayOutputStream request = new ByteArrayOutputStream();
      request.write(("*" + words.length + "\r\n").getBytes(StandardCharsets.UTF_8));
      for (String word : words) {
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        request.write(("$" + bytes.length + "\r\n").getBytes(StandardCharsets.UTF_8));
        request.write(bytes);
        request.write("\r\n".getBytes(StandardCharsets.UTF_8));
      }
      socket.getOutputStream().write(request.toByteArray());
      String line = readLine();
      char kind = line.charAt(0);
      if (kind == '-') throw new IOException("Redis: " + line.substring(1));
      if (kind != '$') return line.substring(1);
      int length = Integer.parseInt(line.substring(1));
      if (length < 0) return null;
      byte[] value = in.readNBytes(length);
      in.readNBytes(2);
      return new String(value, StandardCharsets.UTF_8);
    }

    private String readLine() throws IOException {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (int b = in.read(); b != '\n'; b = in.read()) {
        if (b < 0) throw new EOFException("Redis closed the connection");
        if (b != '\r') line.write(b);
      }
      return line.toString(StandardCharsets.UTF_8);
    }

    public void close() throws IOException {
      socket.close();
    }
  }

  static String productRows() throws Exception {
    try {
      Class.forName("org.mariadb.jdbc.Driver");
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException("the database driver is missing: run examples/shop/get-driver.sh", e);
    }
    StringBuilder rows = new StringBuilder();
    try (Connection db = DriverManager.getConnection(
            System.getenv("DB_URL"), System.getenv("DB_USER"), System.getenv("DB_PASSWORD"));
        Statement statement = db.createStatement();
        ResultSet found = statement.executeQuery("SELECT name, cents, stock FROM product ORDER BY name")) {
      while (found.next()) {
        rows.append(String.format("<tr><td>%s</td><td>%.2f</td><td>%d</td></tr>%n",
            found.getString(1), found.getInt(2) / 100.0, found.getInt(3)));
      }
    }
    return rows.toString();
  }
%>
<%
  String rows = null, source = "cache", visits = "?", problem = null;
  try (Cache cache = new Cache(System.getenv("CACHE_HOST"), System.getenv("CACHE_PASSWORD"))) {
    visits = cache.call("INCR", "shop:visits");
    rows = cache.call("GET", "shop:products");
    if (rows == null) {
      source = "database";
      rows = productRows();
      cache.call("SET", "shop:products", rows, "EX", "10");
    }
  } catch (Exception e) {
    response.setStatus(503);
    problem = e.getClass().getSimpleName() + ": " + e.getMessage();
  }
%>
<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>shop</title>
  <h1>Shop</h1>
<% if (problem != null) { %>
  <p>Not available: <%= problem.replace("&", "&amp;").replace("<", "&lt;") %></p>
<% } else { %>
  <table border="1">
    <tr><th>product</th><th>price</th><th>stock</th></tr>
<%= rows %>
  </table>
  <p>visits: <%= visits %></p>
  <p>products from: <%= source %></p>
<% } %>
</html>
