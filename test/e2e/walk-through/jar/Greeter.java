public class Greeter {
    public static void main(String[] names) {
        System.out.println("hello " + String.join(" and ", names));
    }
}
