import java.lang.reflect.Field;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * DynamoDB Local, on the loopback address only.
 *
 * Its own ServerRunner makes `new Server(port)`, which listens on every address, and no option of
 * it says otherwise; so the Jetty server inside is told its host before it starts. Not going
 * through ServerRunner.main also leaves its telemetry unset.
 */
public class LoopbackServer {
    public static void main(String[] args) throws Exception {
        DynamoDBProxyServer proxy = ServerRunner.createServerFromCommandLineArgs(args);
        Field inside = DynamoDBProxyServer.class.getDeclaredField("server");
        inside.setAccessible(true);
        Server jetty = (Server) inside.get(proxy);
        ((ServerConnector) jetty.getConnectors()[0]).setHost("127.0.0.1");
        proxy.start();
        proxy.join();
    }
}
