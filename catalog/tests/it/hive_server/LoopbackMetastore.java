import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.apache.hadoop.hive.conf.HiveConf;
import org.apache.hadoop.hive.conf.HiveConf.ConfVars;
import org.apache.hadoop.hive.metastore.HiveMetaStore;
import org.apache.hadoop.hive.metastore.IHMSHandler;
import org.apache.hadoop.hive.metastore.TSetIpAddressProcessor;
import org.apache.hadoop.hive.metastore.txn.TxnDbUtil;
import org.apache.thrift.server.TThreadPoolServer;
import org.apache.thrift.transport.TServerSocket;

/**
 * Hive's metastore on a free port of the loopback interface, with its database in memory and its
 * warehouse in the working directory. The one line on standard output is the port.
 *
 * <p>Hive's own main listens on every interface, at a port that has to be known before.
 */
final class LoopbackMetastore {
  public static void main(String[] args) throws Exception {
    PrintStream port = System.out;
    // Logs go to standard output unless told otherwise.
    System.setOut(System.err);

    HiveConf conf = settings();
    // Creates the tables of locks, which the object store does not.
    TxnDbUtil.prepDb(conf);
    IHMSHandler handler =
        HiveMetaStore.newRetryingHMSHandler(
            new HiveMetaStore.HMSHandler("loopback", conf, false), conf);
    TServerSocket socket =
        new TServerSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    TThreadPoolServer server =
        new TThreadPoolServer(
            new TThreadPoolServer.Args(socket)
                .processor(new TSetIpAddressProcessor<>(handler))
                .minWorkerThreads(4));
    // From here on, connections wait in the socket's queue.
    port.println(socket.getServerSocket().getLocalPort());
    port.close();
    server.serve();
  }

  private static HiveConf settings() {
    HiveConf conf = new HiveConf();
    conf.setVar(
        ConfVars.METASTORECONNECTURLKEY, "jdbc:derby:memory:metastore;create=true");
    conf.setVar(ConfVars.METASTOREWAREHOUSE, "file://" + System.getProperty("user.dir"));
    conf.setBoolVar(ConfVars.METASTORE_AUTO_CREATE_ALL, true);
    // A database that was just made has no version to be compared.
    conf.setBoolVar(ConfVars.METASTORE_SCHEMA_VERIFICATION, false);
    // A call that fails in the database is tried ten times, two seconds apart, unless told otherwise.
    conf.setIntVar(ConfVars.HMSHANDLERATTEMPTS, 1);
    return conf;
  }
}
