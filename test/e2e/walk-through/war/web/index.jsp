<%= 6 * 7 %> cakes of the <%= System.getenv("SHOP_NAME") %>
